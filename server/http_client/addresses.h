// Distinguishes public addresses of the internet from those of this machine and its networks.
#pragma once
#include <sys/socket.h>

namespace server {

// Returns whether an address is public, so that a request to it reaches no service of this machine or its networks. The
// ranges of loopback, private, link-local, shared, documentation, multicast and reserved addresses are those of RFC 6890;
// IPv6 addresses that contain an IPv4 address (mapped, NAT64, 6to4) are judged by it. Addresses of other families are not
// public.
bool is_public_address(const sockaddr& address);

}  // namespace server
