package main

// Versions of workers: runs that keep to theirs, runs that move, and new ones that go where the routing says.

import (
	"context"
	"reflect"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"pawl.dev/compat/check"
)

var versionScenarios = map[string]check.Func{"worker-versions": workerVersionsScenario}

// Builds asks, at each signal, which build does its activities; it ends at "end".
func Builds(ctx workflow.Context) (builds []string, err error) {
	err = workflow.SetQueryHandler(ctx, "builds", func() ([]string, error) { return builds, nil })
	if err != nil {
		return
	}
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 10 * time.Second})
	for what := ""; what != "end"; workflow.GetSignalChannel(ctx, "go").Receive(ctx, &what) {
		var build string
		if err = workflow.ExecuteActivity(ctx, "WhichBuild").Get(ctx, &build); err != nil {
			return
		}
		builds = append(builds, build)
	}
	return
}

type deployment struct {
	*check.Scenario
	client.WorkerDeploymentHandle
	name string
}

func (d *deployment) version(build string) worker.WorkerDeploymentVersion {
	return worker.WorkerDeploymentVersion{DeploymentName: d.name, BuildID: build}
}

func (d *deployment) worker(build string) worker.Worker {
	options := worker.DeploymentOptions{UseVersioning: true, Version: d.version(build)}
	w := worker.New(d.Client, d.name, worker.Options{DeploymentOptions: options})
	w.RegisterWorkflowWithOptions(Builds, workflow.RegisterOptions{
		Name: "Staying", VersioningBehavior: workflow.VersioningBehaviorPinned,
	})
	w.RegisterWorkflowWithOptions(Builds, workflow.RegisterOptions{
		Name: "Moving", VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade,
	})
	whichBuild := func(context.Context) (string, error) { return build, nil }
	w.RegisterActivityWithOptions(whichBuild, activity.RegisterOptions{Name: "WhichBuild"})
	d.NoError(w.Start())
	return w
}

// insist: a version is known some moments after its first worker has come.
func (d *deployment) insist(set func() error) {
	d.Eventually("the routing is accepted", time.Minute, func() bool { return set() == nil })
	// The reference server tells its queues in its own time.
	time.Sleep(time.Second)
}

func (d *deployment) setCurrent(ctx context.Context, build string) {
	d.insist(func() error {
		_, err := d.SetCurrentVersion(ctx, client.WorkerDeploymentSetCurrentVersionOptions{BuildID: build})
		return err
	})
}

func (d *deployment) start(ctx context.Context, name string, override client.VersioningOverride) client.WorkflowRun {
	return d.StartWith(ctx, client.StartWorkflowOptions{TaskQueue: d.name, VersioningOverride: override}, name)
}

func (d *deployment) tell(ctx context.Context, run client.WorkflowRun, what string) {
	d.NoError(d.Client.SignalWorkflow(ctx, run.GetID(), run.GetRunID(), "go", what))
}

func (d *deployment) buildsAre(ctx context.Context, run client.WorkflowRun, expected ...string) {
	d.Eventually("the builds of "+run.GetID(), time.Minute, func() bool {
		var builds []string
		answer, err := d.Client.QueryWorkflow(ctx, run.GetID(), run.GetRunID(), "builds")
		return err == nil && answer.Get(&builds) == nil && reflect.DeepEqual(builds, expected)
	})
}

func workerVersionsScenario(ctx context.Context, s *check.Scenario) {
	name := s.NewID("")
	s.WorkflowIDs = nil
	d := &deployment{s, s.Client.WorkerDeploymentClient().GetHandle(name), name}
	for _, build := range []string{"1", "2"} {
		defer d.worker(build).Stop()
		d.setCurrent(ctx, build)
	}
	d.setCurrent(ctx, "1")

	staying, moving := d.start(ctx, "Staying", nil), d.start(ctx, "Moving", nil)
	d.buildsAre(ctx, staying, "1")
	d.buildsAre(ctx, moving, "1")
	d.setCurrent(ctx, "2")
	d.tell(ctx, staying, "on")
	d.tell(ctx, moving, "on")
	d.buildsAre(ctx, staying, "1", "1")
	d.buildsAre(ctx, moving, "1", "2")
	first, err := d.DescribeVersion(ctx, client.WorkerDeploymentDescribeVersionOptions{BuildID: "1"})
	s.NoError(err)
	drainage := first.Info.DrainageInfo
	draining := client.WorkerDeploymentVersionDrainageStatus(client.WorkerDeploymentVersionDrainageStatusDraining)
	s.True(drainage != nil && drainage.DrainageStatus == draining, "the first version is draining")

	overridden := d.start(ctx, "Moving", &client.PinnedVersioningOverride{Version: d.version("1")})
	d.buildsAre(ctx, overridden, "1")

	d.insist(func() error {
		_, err := d.SetRampingVersion(ctx, client.WorkerDeploymentSetRampingVersionOptions{BuildID: "1", Percentage: 40})
		return err
	})
	var ramped []client.WorkflowRun
	for range 40 {
		ramped = append(ramped, d.start(ctx, "Staying", nil))
	}
	taken := map[string]int{}
	for _, run := range ramped {
		d.tell(ctx, run, "end")
		taken[check.Result[[]string](ctx, s, run)[0]]++
	}
	s.True(taken["1"] > 0 && taken["2"] > 0, "a ramp takes some, not all")
	for _, run := range []client.WorkflowRun{staying, moving, overridden} {
		d.tell(ctx, run, "end")
	}
	s.Equal(check.Result[[]string](ctx, s, staying), []string{"1", "1"}, "builds of the pinned run")
	s.Equal(check.Result[[]string](ctx, s, moving), []string{"1", "2"}, "builds of the run that moves")
	s.Equal(check.Result[[]string](ctx, s, overridden), []string{"1"}, "builds of the overridden run")
}
