/** JSON of a message: the descriptors know its fields and the types do not. */
// biome-ignore lint/suspicious/noExplicitAny: anything may be in it
export type Json = any;
