/** gRPC reflection: tools such as grpcurl ask here which services and messages there are. Both versions of it, which differ only in name. */
import { reflection } from "@pawl/protocol";
import { type FileDescriptor, fileDescriptors } from "@pawl/protocol/descriptors";
import { type Conversation, type Status, type Streaming, statusCodes } from "./transport.ts";

const versions = ["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];

type Answer = Parameters<typeof reflection.ServerReflectionResponse.encode>[0];

/** `services` are the full names of what this server serves besides reflection itself. */
export function reflectionRoutes(services: Iterable<string>): Map<string, Streaming> {
  const listed = [...services, ...versions].sort();
  const open: Streaming = (_call, send): Conversation => ({
    onMessage: (bytes) => {
      const request = read(bytes);
      if ("code" in request) return request;
      const answer = answerTo(request, listed);
      send(
        reflection.ServerReflectionResponse.encode({ validHost: request.host, originalRequest: request, ...answer }),
      );
      return undefined;
    },
    onHalfClose: (): Status => ({ code: "OK", message: "" }),
  });
  return new Map(versions.map((service) => [`/${service}/ServerReflectionInfo`, open]));
}

function read(bytes: Uint8Array): reflection.ServerReflectionRequest | Status {
  try {
    return reflection.ServerReflectionRequest.decode(bytes);
  } catch (error) {
    return {
      code: "INVALID_ARGUMENT",
      message: `reflection: the request cannot be decoded: ${(error as Error).message}`,
    };
  }
}

function answerTo(request: reflection.ServerReflectionRequest, services: readonly string[]): Answer {
  const { fileByFilename, fileContainingSymbol, fileContainingExtension, allExtensionNumbersOfType } = request;
  if (fileByFilename !== undefined) return fileAnswer(files().byName.get(fileByFilename), `file ${fileByFilename}`);
  if (fileContainingSymbol !== undefined)
    return fileAnswer(files().bySymbol.get(fileContainingSymbol), `symbol ${fileContainingSymbol}`);
  if (fileContainingExtension !== undefined)
    return notFound(
      `extension ${fileContainingExtension.extensionNumber} of ${fileContainingExtension.containingType}`,
    );
  if (allExtensionNumbersOfType !== undefined) {
    if (!files().bySymbol.has(allExtensionNumbersOfType)) return notFound(`type ${allExtensionNumbersOfType}`);
    return { allExtensionNumbersResponse: { baseTypeName: allExtensionNumbersOfType } };
  }
  if (request.listServices !== undefined)
    return { listServicesResponse: { service: services.map((name) => ({ name })) } };
  return { errorResponse: { errorCode: statusCodes.INVALID_ARGUMENT, errorMessage: "the request asks nothing" } };
}

/** The file alone: callers ask for those it needs by their names. */
function fileAnswer(file: FileDescriptor | undefined, what: string): Answer {
  if (!file) return notFound(what);
  return { fileDescriptorResponse: { fileDescriptorProto: [Buffer.from(file.base64, "base64")] } };
}

function notFound(what: string): Answer {
  return { errorResponse: { errorCode: statusCodes.NOT_FOUND, errorMessage: `${what} not found` } };
}

interface Files {
  readonly byName: ReadonlyMap<string, FileDescriptor>;
  readonly bySymbol: ReadonlyMap<string, FileDescriptor>;
}

let indexed: Files | undefined;

/** Made at the first question: most servers are never asked. */
function files(): Files {
  indexed ??= {
    byName: new Map(fileDescriptors.map((file) => [file.name, file])),
    bySymbol: new Map(fileDescriptors.flatMap((file) => file.symbols.map((symbol) => [symbol, file] as const))),
  };
  return indexed;
}
