/** The answer of the query `__enhanced_stack_trace`: its form, and that of its fields, is the same in all SDKs. */

/** The SDK that answers. */
export interface StackTraceSDKInfo {
  name: string;
  version: string;
}

/** A part of a file. */
export interface StackTraceFileSlice {
  /** The line of the file that this begins with, counted from 0. */
  line_offset: number;
  content: string;
}

/** One line of code; a field is absent where it is not known. */
export interface StackTraceFileLocation {
  file_path?: string;
  /** Counted from 1, as the column. */
  line?: number;
  column?: number;
  function_name?: string;
  /** Code of the SDK or of a library, which a user interface may hide. */
  internal_code: boolean;
}

/** Where one coroutine waits: the line at which it does, then those that called or await it. */
export interface StackTrace {
  locations: StackTraceFileLocation[];
}

/** Where every coroutine of a workflow waits. */
export interface EnhancedStackTrace {
  sdk: StackTraceSDKInfo;
  /** Files by their paths; empty unless the worker has `showStackTraceSources`. */
  sources: Record<string, StackTraceFileSlice[]>;
  stacks: StackTrace[];
}
