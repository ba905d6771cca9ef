import { describe, expect, test } from "vitest";
import { createEndpointRules } from "../../server/outbox/endpoint-rules.ts";
import { isPublicAddress } from "../../server/outbox/public-address.ts";

const FORBIDDEN = {
  "this network": ["0.0.0.0", "0.1.2.3"],
  private: ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"],
  "shared (CGNAT)": ["100.64.0.1", "100.127.255.255", "100.100.100.200"],
  loopback: ["127.0.0.1", "127.1.2.3", "::1"],
  "link-local, with the metadata address": ["169.254.169.254", "169.254.0.1", "fe80::1", "febf::1"],
  "other metadata addresses": ["168.63.129.16", "fd00:ec2::254", "192.0.0.192"],
  "protocol assignments, relays, AS112, AMT": [
    "192.0.0.1",
    "192.88.99.1",
    "192.31.196.1",
    "192.175.48.1",
    "192.52.193.1",
    "2001::1",
  ],
  benchmarks: ["198.18.0.1", "198.19.255.255", "2001:2::1"],
  documentation: ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"],
  "multicast, reserved, broadcast": ["224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "ff02::1"],
  "unspecified and unique local": ["::", "fc00::1", "fdff::1", "fec0::1"],
  "IPv4 inside of IPv6": [
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::127.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
  ],
  "6to4, Teredo, ORCHID, SRv6, discard": [
    "2002:7f00:1::",
    "2002:808:808::",
    "2001:0:808:808::",
    "2001:20::1",
    "5f00::1",
    "100::1",
  ],
  "what nobody assigned": ["4000::1", "::2", "1::1", "e000::1"],
  "no address": ["", "localhost", "example.com", "1.2.3", "2130706433", "1.2.3.4.5", "fe80::1%eth0"],
};

for (const [kind, addresses] of Object.entries(FORBIDDEN)) {
  test.each(addresses)(`${kind}: %s is not public`, (address) => expect(isPublicAddress(address)).toBe(false));
}

test.each(["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "198.20.0.1", "2606:4700:4700::1111", "2a00:1450:4001::1"])(
  "control: %s is public",
  (address) => expect(isPublicAddress(address)).toBe(true),
);

describe("the URL of an endpoint", () => {
  const { problemOf } = createEndpointRules({ ports: [443], allowLoopback: false });

  test.each([
    "http://example.com/",
    "ftp://example.com/",
    "javascript:alert(1)",
    "//example.com",
    "example.com",
    "https://user:pass@example.com/",
    "https://example.com/#x",
    "https://example.com:8443/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://%31%32%37.0.0.1/",
    "https://①②⑦.0.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[64:ff9b::7f00:1]/",
    `https://example.com/${"x".repeat(2_048)}`,
  ])("%s is refused", (url) => expect(problemOf(url)).toMatch(/^must /));

  test("a public https one is taken, and other ports and the loopback by their settings alone", () => {
    expect(problemOf("https://example.com/hooks?x=1")).toBeNull();
    expect(problemOf("https://8.8.8.8/")).toBeNull();
    expect(createEndpointRules({ ports: [443, 8443], allowLoopback: false }).problemOf("https://example.com:8443/")).toBeNull();
    const local = createEndpointRules({ ports: [443], allowLoopback: true });
    for (const url of ["http://127.0.0.1:9999/", "http://localhost:9999/", "http://[::1]:9999/"])
      expect(local.problemOf(url)).toBeNull();
    for (const url of ["http://example.com/", "https://10.0.0.1/", "https://169.254.169.254/"]) {
      expect(local.problemOf(url)).toMatch(/^must /);
    }
  });
});
