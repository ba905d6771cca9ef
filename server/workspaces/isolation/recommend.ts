import type { WorkspaceHealth } from "../../isolation/health.ts";
import type { IsolationReport } from "./schemas.ts";

/** What recommendations are made of. */
export interface Facts {
  health: WorkspaceHealth;
  metrics: IsolationReport["metrics"];
  boundaryValidation: IsolationReport["boundaryValidation"];
  restrictedWithoutGrants: number;
  violations: number;
  areKeysAllowed: boolean;
}

type Recommendation = IsolationReport["recommendations"][number];

/** What to do about the facts, most urgent first; nothing where there is nothing to do. */
export function recommend(facts: Facts): Recommendation[] {
  const { health, metrics, boundaryValidation, restrictedWithoutGrants, violations, areKeysAllowed } = facts;
  const ofChecks = health.checks
    .filter(({ status }) => status !== "healthy")
    .map(
      ({ name, message, remedy }): Recommendation => ({
        code: `MEND_${name.replace("-", "_").toUpperCase()}`,
        message,
        remedy: remedy ?? null,
      }),
    );
  const others: (Recommendation | false)[] = [
    violations > 0 && {
      code: "REVIEW_VIOLATIONS",
      message: `${violations} violations are on record: rows of another origin were met in this workspace`,
      remedy: "Find out who can write to the database beside the server, and change the owner's password",
    },
    boundaryValidation.signedUnderOlder > 0 && {
      code: "KEEP_OLDER_SECRET",
      message: `${boundaryValidation.signedUnderOlder} rows are still signed under an older root secret`,
      remedy: "Keep the older secret in ISOLATION_SECRET until they are signed anew, which the server does by itself",
    },
    metrics.expiredGrants > 0 && {
      code: "REMOVE_EXPIRED_GRANTS",
      message: `${metrics.expiredGrants} grants have expired and are still kept; they give nothing`,
      remedy: "Remove them",
    },
    restrictedWithoutGrants > 0 && {
      code: "REVIEW_RESTRICTED_AGENTS",
      message: `${restrictedWithoutGrants} restricted agents have no grant: only admins and their creators see them`,
      remedy: "Grant a level to those who shall use them, or make them visible to the workspace",
    },
    areKeysAllowed && {
      code: "REVIEW_PERSONAL_API_KEYS",
      message: "Personal API keys are allowed in this workspace: each member's key acts with that member's whole permission",
      remedy: "Forbid them in Sim's workspace settings if nobody needs them",
    },
  ];
  return [...ofChecks, ...others.filter((one) => one !== false)];
}
