import { checkDatabase } from "../../db/check.ts";
import type { Finding } from "../../db/finding.ts";
import type { SimReader } from "../../db/sim-reader.ts";
import type { Clock } from "../../shared/clock.ts";
import { failed, passed, skipped, type Verdict, warning } from "./verdict.ts";

const SEE_CHECK = "On the server's machine, npm run db:check says what is wrong and has the SQL that mends it";

/** What is told of each subject where nothing is wrong with it; of the rest a caller is told no role, table or statement. */
const SUBJECTS = {
  sim_tables: { subject: "sim", good: "Sim's tables are there, with every column that is used", isTold: true },
  migrations: { subject: "migrations", good: "All migrations of this release are applied", isTold: true },
  database_role: { subject: "role", good: "The server's role is bound by row-level security", isTold: false },
  row_level_security: { subject: "isolation", good: "Row-level security is forced on every table", isTold: false },
} as const satisfies Record<string, { subject: Finding["subject"]; good: string; isTold: boolean }>;

/** The database, and what npm run db:check looks at. */
export async function databaseChecks(sim: SimReader, clock: Clock): Promise<Record<string, Verdict>> {
  const findings = await checkDatabase(sim, clock).catch(() => null); // the pool logs why
  if (!findings) {
    const away = failed("The database does not answer", "Bring it back; the server connects anew by itself");
    return { database: away, ...everySubject(() => skipped("The database does not answer")) };
  }
  const server = findings.filter(({ subject }) => subject === "server");
  return {
    database: judge(server, server.map(({ message }) => message).join("; "), true),
    ...everySubject(({ subject, good, isTold }) =>
      judge(
        findings.filter((one) => one.subject === subject),
        good,
        isTold,
      ),
    ),
  };
}

type Subject = (typeof SUBJECTS)[keyof typeof SUBJECTS];

function everySubject(verdictOf: (subject: Subject) => Verdict): Record<string, Verdict> {
  return Object.fromEntries(Object.entries(SUBJECTS).map(([name, subject]) => [name, verdictOf(subject)]));
}

function judge(findings: readonly Finding[], good: string, isTold: boolean): Verdict {
  const wrong = findings.filter(({ level }) => level !== "ok");
  if (wrong.length === 0) return passed(good);
  const isUnfit = wrong.some(({ level }) => level === "unfit");
  const message = isTold
    ? wrong.map((one) => one.message).join("; ")
    : `It is not so that: ${good.charAt(0).toLowerCase()}${good.slice(1)}`;
  return (isUnfit ? failed : warning)(message, isTold ? (wrong.find(({ remedy }) => remedy)?.remedy ?? SEE_CHECK) : SEE_CHECK);
}
