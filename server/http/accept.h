// Content types that a client wants.
#pragma once
#include <initializer_list>
#include <optional>
#include <string_view>

namespace server::http {

// The type that an Accept header likes best (RFC 9110, 12.5.1), of those that are offered; the first of these where
// the header does not decide. Nothing where it wants none of them.
std::optional<std::string_view> accepted_type(std::string_view accept,
                                              std::initializer_list<std::string_view> offered);

}  // namespace server::http
