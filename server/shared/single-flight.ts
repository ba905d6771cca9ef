/** Where the loads of one key meet. */
export interface Runway<Result> {
  flight?: Flight<Result> | undefined;
}

interface Flight<Result> {
  /** When it began, on the counter that calls are numbered by. */
  startedAt: number;
  outcome: Promise<Result>;
}

/** A result, and whether the load that it comes from had begun before it was asked for. */
export interface Landed<Result> {
  value: Result;
  isOfBefore: boolean;
}

let moment = 0;

/**
 * The result of `load`, or that of a load of the same key that is under way. What a call is told must be true of some
 * moment after it was made; so of a load that had begun before it, it takes only what `isGoodOfBefore` says it may, and
 * else the next one, which all who wait so share.
 *
 * @throws whatever the load throws: a failure is shared by those who waited for it, and kept for nobody
 */
export async function singleFlight<Result>(
  runway: Runway<Result>,
  load: () => Promise<Result>,
  isGoodOfBefore: (outcome: { value: Result } | { error: unknown }) => boolean,
): Promise<Result> {
  return (await landedFlight(runway, load, isGoodOfBefore)).value;
}

/**
 * As singleFlight, for those who treat what was read before they asked as remembered.
 *
 * @throws as singleFlight does
 */
export async function landedFlight<Result>(
  runway: Runway<Result>,
  load: () => Promise<Result>,
  isGoodOfBefore: (outcome: { value: Result } | { error: unknown }) => boolean,
): Promise<Landed<Result>> {
  const asked = ++moment;
  for (;;) {
    runway.flight ??= takeOff(runway, load);
    const { flight } = runway;
    const outcome = await flight.outcome.then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    const isOfBefore = flight.startedAt < asked;
    if (isOfBefore && !isGoodOfBefore(outcome)) continue;
    if ("error" in outcome) throw outcome.error;
    return { value: outcome.value, isOfBefore };
  }
}

function takeOff<Result>(runway: Runway<Result>, load: () => Promise<Result>): Flight<Result> {
  const flight: Flight<Result> = {
    startedAt: ++moment,
    outcome: load().finally(() => {
      if (runway.flight === flight) runway.flight = undefined;
    }),
  };
  return flight;
}
