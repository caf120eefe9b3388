/** Who a connection's certificate says its caller is. */
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";

/** A socket, or what HTTP/2 shows of a session's: it is no `TLSSocket`, but has its members. */
export type CallerSocket = Socket | TLSSocket;

/** The common name, DNS names, e-mail addresses and URIs of a certificate that was found good; none without one. */
export function certificateNames(socket: CallerSocket | undefined): readonly string[] {
  if (!socket || !("authorized" in socket) || !socket.authorized) return [];
  const { subject, subjectaltname = "" } = socket.getPeerCertificate();
  // OpenSSL's text puts into quotes what could be taken for another name: such a certificate has none here.
  const others = subjectaltname.includes('"') ? [] : subjectaltname.split(", ");
  const alternatives = others.flatMap((each) => /^(?:DNS|email|URI):(.+)$/.exec(each)?.[1] ?? []);
  const common = subject?.CN;
  return [...(typeof common === "string" ? [common] : []), ...alternatives];
}
