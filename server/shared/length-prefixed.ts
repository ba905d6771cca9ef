/** Each part behind its length in bytes, so that no two lists of parts make the same bytes. */
export function lengthPrefixed(parts: readonly string[]): Buffer {
  const lengths = parts.map((part) => Buffer.byteLength(part));
  const bytes = Buffer.allocUnsafe(lengths.reduce((total, length) => total + 4 + length, 0));
  let offset = 0;
  parts.forEach((part, index) => {
    offset = bytes.writeUInt32BE(lengths[index] ?? 0, offset);
    offset += bytes.write(part, offset);
  });
  return bytes;
}
