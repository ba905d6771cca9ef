import { crc32 } from "node:zlib";

/** What a file held: its records up to its end, or up to where it was cut off or spoilt. */
export interface SpooledFile {
  records: string[];
  /** Bytes behind the records that no longer are what was written; 0 where a record was merely cut off at the end. */
  damagedBytes: number;
}

const HEADER_BYTES = 8;
/** A decision has less than a tenth of it. A longer one in a file is none that was written. */
const MAX_RECORD_BYTES = 64 * 1024;

/**
 * A record as it is kept in a file: its length, its CRC-32, itself.
 *
 * @throws RangeError where it is empty or too long to be told from damage
 */
export function toFrame(record: string): Buffer {
  const payload = Buffer.from(record);
  if (payload.length === 0 || payload.length > MAX_RECORD_BYTES)
    throw new RangeError(`A record has 1 to ${MAX_RECORD_BYTES} bytes; this one has ${payload.length}`);
  const frame = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  frame.writeUInt32LE(payload.length, 0);
  frame.writeUInt32LE(crc32(payload), 4);
  payload.copy(frame, HEADER_BYTES);
  return frame;
}

/** The records of a file's bytes, as far as they are whole. */
export function readFrames(bytes: Buffer): SpooledFile {
  const records: string[] = [];
  for (let offset = 0; ; ) {
    const rest = bytes.subarray(offset);
    if (rest.length < HEADER_BYTES) return { records, damagedBytes: 0 };
    const length = rest.readUInt32LE(0);
    const checksum = rest.readUInt32LE(4);
    if (length === 0 || length > MAX_RECORD_BYTES) return { records, damagedBytes: rest.length };
    const payload = rest.subarray(HEADER_BYTES, HEADER_BYTES + length);
    if (payload.length < length) return { records, damagedBytes: beginsWithRecord(payload, checksum) ? rest.length : 0 };
    if (crc32(payload) !== checksum) return { records, damagedBytes: rest.length };
    records.push(payload.toString());
    offset += HEADER_BYTES + length;
  }
}

/** Whether a whole record of this checksum is there: then it was not cut off, but its length is not what was written. */
function beginsWithRecord(bytes: Buffer, checksum: number): boolean {
  let sum = 0;
  for (let end = 1; end <= bytes.length; end++) {
    sum = crc32(bytes.subarray(end - 1, end), sum);
    if (sum === checksum) return true;
  }
  return false;
}
