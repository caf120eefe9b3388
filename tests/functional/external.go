// Package testcore: what stands in for the reference server's cluster, so that its functional tests call a server outside of their process.
//
// A test that needs the inside of the reference server (its administration, its hooks, who may do what) is skipped, with a text that begins with
// INTERNAL; one that reads its metrics finds none. A setting that a test changes stays as the server has it; the test's log says which, after DYNAMIC.
package testcore

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/metrics/metricstest"
	"go.temporal.io/server/common/namespace"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/common/primitives/timestamp"
	"go.temporal.io/server/common/searchattribute"
	"go.temporal.io/server/common/testing/testhooks"
)

// Addresses of the server under test: host:port.
var (
	externalGRPC = os.Getenv("PAWL_FUNCTIONAL_GRPC")
	externalHTTP = os.Getenv("PAWL_FUNCTIONAL_HTTP")
)

const externalShards = 4

func (s *FunctionalTestBase) setUpExternal(params testClusterParams) {
	s.isShared = params.SharedCluster
	s.testClusterConfig = &TestClusterConfig{
		HistoryConfig:          HistoryConfig{NumHistoryShards: externalShards},
		DynamicConfigOverrides: params.DynamicConfigOverrides,
	}
	for name, value := range params.DynamicConfigOverrides {
		s.T().Logf("DYNAMIC %s=%v", name, value)
	}
	grpc := static.SingleLocalHost(externalGRPC)
	hosts := map[transferProtocol]map[primitives.ServiceName]static.Hosts{
		grpcProtocol: {primitives.FrontendService: grpc, primitives.WorkerService: grpc},
		httpProtocol: {primitives.FrontendService: static.SingleLocalHost(externalHTTP)},
	}
	host := &temporalImpl{
		logger:                   s.Logger,
		serverConfig:             &config.Config{ClusterMetadata: &cluster.Config{CurrentClusterName: "active"}},
		dcClient:                 dynamicconfig.NewMemoryClient(),
		testHooks:                testhooks.NewTestHooks(),
		hostsByProtocolByService: hosts,
		captureMetricsHandler:    metricstest.NewCaptureHandler(),
	}
	host.clients = newClients(
		s.Logger, hosts[grpcProtocol], nil, host.GetMetricsHandler(), host.dcClient, host.testHooks, externalShards, nil, nil,
	)
	s.testCluster = &TestCluster{host: host}
	for _, each := range []struct {
		prefix string
		name   *namespace.Name
	}{{"namespace", &s.namespace}, {"external-namespace", &s.externalNamespace}} {
		*each.name = namespace.Name(RandomizeStr(each.prefix))
		id, err := s.RegisterNamespace(*each.name, 1, enumspb.ARCHIVAL_STATE_DISABLED, "", "")
		require.NoError(s.T(), err)
		if each.name == &s.namespace {
			s.namespaceID = id
		}
	}
}

func (s *FunctionalTestBase) registerExternal(name namespace.Name, retentionDays int32) (namespace.ID, error) {
	_, err := s.FrontendClient().RegisterNamespace(NewContext(), &workflowservice.RegisterNamespaceRequest{
		Namespace:                        name.String(),
		WorkflowExecutionRetentionPeriod: timestamp.DurationFromDays(max(1, retentionDays)),
	})
	if err != nil {
		return "", err
	}
	described, err := s.FrontendClient().DescribeNamespace(NewContext(), &workflowservice.DescribeNamespaceRequest{
		Namespace: name.String(),
	})
	if err != nil {
		return "", err
	}
	_, err = s.OperatorClient().AddSearchAttributes(NewContext(), &operatorservice.AddSearchAttributesRequest{
		Namespace:        name.String(),
		SearchAttributes: searchattribute.TestSearchAttributesToRegister(),
	})
	return namespace.ID(described.GetNamespaceInfo().GetId()), err
}

// GetTestCluster knows which test asks, so that what it has not got skips that test.
func (e *TestEnv) GetTestCluster() *TestCluster {
	return &TestCluster{host: e.cluster.host, t: e.t}
}

func skipInternal(t *testing.T, what string) {
	t.Helper()
	t.Skip("INTERNAL " + what)
}
