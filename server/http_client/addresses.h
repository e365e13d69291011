// Distinguishes public addresses of the internet from those of this machine and its networks.
#pragma once
#include <sys/socket.h>

namespace server {

// Returns whether an address is public, so that a request to it reaches no service of this machine
// or its networks. The ranges of loopback, private, link-local, shared, documentation, multicast
// and reserved addresses are those of RFC 6890. If an IPv6 address contains an IPv4 address
// (mapped, NAT64, 6to4), the IPv4 address decides. Addresses of other families are not public.
bool is_public_address(const sockaddr& address);

}  // namespace server
