#include "server/node/settings/setting_row.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <system_error>

namespace server {

Status set_number(int64_t& to, const std::string& text, int64_t least, int64_t most) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < least || value > most)
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("\"{}\" is not a number from {} to {}", text, least, most)};
  to = value;
  return {};
}

Status set_int(int& to, const std::string& text, int least, int most) {
  int64_t value = 0;
  TRY(set_number(value, text, least, most));
  to = static_cast<int>(value);
  return {};
}

Status set_addresses(std::vector<Address>& to, const std::string& text) {
  std::vector<Address> addresses;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    addresses.push_back(TRY(parse_address(std::string_view(text).substr(begin, end - begin))));
    begin = end + 1;
  }
  to = std::move(addresses);
  return {};
}

Status set_bool(bool& to, const std::string& text) {
  if (text != "true" && text != "false")
    return Error{ErrorCode::InvalidParameter, fmt::format("\"{}\" is not true or false", text)};
  to = text == "true";
  return {};
}

Status set_on_or_off(bool& to, const std::string& text) {
  if (text != "on" && text != "off")
    return Error{ErrorCode::InvalidParameter, fmt::format("\"{}\" is not on or off", text)};
  to = text == "on";
  return {};
}

Error about(std::string_view place, const Error& error) {
  return Error{error.code, fmt::format("{}: {}", place, error.message), error.detail, error.hint};
}

const std::vector<SettingRow>& known_settings() {
  static const std::vector<SettingRow> all = [] {
    std::vector<SettingRow> rows;
    for (const std::span<const SettingRow> section :
         {listener_settings(), access_settings(), limit_settings(), group_settings(),
          cluster_settings(), log_settings()})
      rows.insert(rows.end(), section.begin(), section.end());
    return rows;
  }();
  return all;
}

}  // namespace server
