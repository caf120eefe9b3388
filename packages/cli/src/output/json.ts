/** A message as JSON. Its fields are known from descriptors at run time only, hence no types. */
// biome-ignore lint/suspicious/noExplicitAny: anything may be in it
export type Json = any;
