/** How far an activity has come, in a form that tools can show. */
export interface ActivityProgress {
  /** Of `total`, in whatever unit the activity counts. */
  readonly done: number;
  /** Absent: not known. */
  readonly total?: number | undefined;
  readonly message?: string | undefined;
}

/** Throws `TypeError` for numbers that cannot be. */
export function checkedProgress({ done, total, message }: ActivityProgress): ActivityProgress {
  if (!(Number.isFinite(done) && done >= 0))
    throw new TypeError(`progress(): done must be a number of at least 0, not ${done}`);
  if (total !== undefined && !(Number.isFinite(total) && total >= done)) {
    throw new TypeError(`progress(): total must be a number of at least done (${done}), not ${total}`);
  }
  return { done, ...(total === undefined ? {} : { total }), ...(message === undefined ? {} : { message }) };
}
