// Chooses the content type and the coding that a client prefers.
#pragma once
#include <initializer_list>
#include <optional>
#include <string_view>

namespace server::http {

// Returns the offered type that an Accept header prefers (RFC 9110, 12.5.1), the first of equally
// preferred types; nothing if the header accepts none of the offered types.
std::optional<std::string_view> accepted_type(std::string_view accept,
                                              std::initializer_list<std::string_view> offered);

// Returns whether an Accept-Encoding header permits gzip (RFC 9110, 12.5.3). A client without the
// header gets the plain content.
bool accepts_gzip(std::string_view accept_encoding);

}  // namespace server::http
