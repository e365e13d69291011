// Converts PostgreSQL's text form of a value to JSON.
#include <fmt/format.h>

#include <algorithm>

#include "client/sql/result_printer.h"

namespace client {

namespace {

constexpr uint32_t kBoolean = 16;

bool is_json(uint32_t type) { return type == 114 || type == 3802; }

bool is_number(uint32_t type) {
  return type == 20 || type == 21 || type == 23 || type == 26 || type == 700 || type == 701 ||
         type == 1700;
}

// Returns the type of an array's elements. Returns 0 if `type` is not an array or not in this list;
// the whole value is then written as a JSON string.
uint32_t element_type(uint32_t type) {
  switch (type) {
    case 1000:
      return kBoolean;
    case 1005:
      return 21;
    case 1007:
      return 23;
    case 1016:
      return 20;
    case 1021:
      return 700;
    case 1022:
      return 701;
    case 1231:
      return 1700;
    case 199:
      return 114;
    case 3807:
      return 3802;
    case 1001:
    case 1009:
    case 1015:
    case 1115:
    case 1182:
    case 1183:
    case 1185:
    case 2951:
      return 25;
    default:
      return 0;
  }
}

void add_text(std::string_view text, std::string& json) {
  json += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        json += "\\\"";
        break;
      case '\\':
        json += "\\\\";
        break;
      case '\n':
        json += "\\n";
        break;
      case '\r':
        json += "\\r";
        break;
      case '\t':
        json += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20)
          json += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        else
          json += c;
    }
  }
  json += '"';
}

// Returns whether JSON can represent the number. NaN and infinities are written as strings.
bool is_finite(std::string_view number) {
  return !number.empty() && number.find_first_not_of("+-.0123456789eE") == number.npos;
}

void add_value(std::string_view value, uint32_t type, std::string& json);

// Removes the array at the begin of `rest`, such as {1,2}, {"a \"b\"",NULL} or {{1},{2}}, and
// appends it to `json`. Returns false if `rest` does not begin with an array.
bool add_array(std::string_view& rest, uint32_t type, std::string& json) {
  if (!rest.starts_with('{')) return false;
  rest.remove_prefix(1);
  json += '[';
  for (bool is_first = true; !rest.empty(); is_first = false) {
    if (rest.front() == '}') {
      rest.remove_prefix(1);
      json += ']';
      return true;
    }
    if (!is_first) {
      if (rest.front() != ',') return false;
      rest.remove_prefix(1);
      json += ',';
    }
    if (rest.starts_with('{')) {
      if (!add_array(rest, type, json)) return false;
      continue;
    }
    const bool is_quoted = rest.starts_with('"');
    if (is_quoted) rest.remove_prefix(1);
    std::string element;
    while (!rest.empty() &&
           (is_quoted ? rest.front() != '"' : rest.front() != ',' && rest.front() != '}')) {
      if (rest.front() == '\\' && rest.size() > 1) rest.remove_prefix(1);
      element += rest.front();
      rest.remove_prefix(1);
    }
    if (is_quoted) {
      if (rest.empty()) return false;
      rest.remove_prefix(1);
    }
    if (!is_quoted && element == "NULL")
      json += "null";
    else
      add_value(element, type, json);
  }
  return false;
}

void add_value(std::string_view value, uint32_t type, std::string& json) {
  if (type == kBoolean) {
    json += value == "t" || value == "true" ? "true" : "false";
  } else if (is_json(type) || (is_number(type) && is_finite(value))) {
    const size_t begin = json.size();
    json += value;
    // Line ends in JSON are only between tokens. They are replaced by spaces, because each row must
    // be one line of output.
    std::replace(json.begin() + static_cast<std::ptrdiff_t>(begin), json.end(), '\n', ' ');
  } else if (const uint32_t element = element_type(type); element != 0) {
    std::string array;
    std::string_view rest = value;
    if (add_array(rest, element, array) && rest.empty())
      json += array;
    else
      add_text(value, json);
  } else {
    add_text(value, json);
  }
}

}  // namespace

std::string to_json(const Cell& cell, uint32_t type) {
  if (!cell) return "null";
  std::string json;
  add_value(*cell, type, json);
  return json;
}

}  // namespace client
