#include "server/auth/access_rules.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace server::auth {

namespace {

constexpr size_t kMostFileBytes = 1 << 20;
constexpr int kIpv4Bits = 32, kIpv6Bits = 128;

struct Word {
  std::string text;
  bool is_quoted = false;  // a quoted word, such as "all", has no special meaning
  bool ends_list = true;   // no comma follows the word
};

Error bad_line(int line, std::string message, std::string hint = {}) {
  return {
      ErrorCode::InvalidParameter, fmt::format("line {}: {}", line, message), {}, std::move(hint)};
}

// Splits a line into words at blanks and commas. Words in double quotes may contain blanks and
// commas. # begins a comment.
Result<std::vector<Word>> split(std::string_view text, int line) {
  std::vector<Word> words;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '#') break;
    if (c == ' ' || c == '\t' || c == '\r') {
      ++i;
    } else if (c == ',') {
      if (words.empty()) return bad_line(line, "a comma stands before the first word");
      words.back().ends_list = false;
      ++i;
    } else if (c == '"') {
      const size_t end = text.find('"', i + 1);
      if (end == std::string_view::npos) return bad_line(line, "a quote is not closed");
      words.push_back({std::string(text.substr(i + 1, end - i - 1)), true});
      i = end + 1;
    } else {
      const size_t end = std::min(text.find_first_of(" \t\r,#\"", i), text.size());
      words.push_back({std::string(text.substr(i, end - i))});
      i = end;
    }
  }
  return words;
}

// Reads the words of a line of the access file, one after the other.
class Line {
 public:
  Line(std::vector<Word> words, int number) : words_(std::move(words)), number_(number) {}

  bool at_end() const { return next_ == words_.size(); }
  Result<std::string> one(std::string_view what) {
    if (at_end()) return bad_line(number_, fmt::format("the {} is missing", what));
    if (!words_[next_].ends_list)
      return bad_line(number_, fmt::format("only one {} is allowed", what));
    return words_[next_++].text;
  }
  // Returns the names of a list. The list is empty if it contains the word `all`.
  Result<std::vector<std::string>> list(std::string_view what) {
    std::vector<std::string> names;
    bool is_all = false;
    for (bool goes_on = true; goes_on; ++next_) {
      if (at_end()) return bad_line(number_, fmt::format("the {} is missing", what));
      const Word& word = words_[next_];
      if (!word.is_quoted && (word.text.starts_with('@') || word.text.starts_with('/')))
        return bad_line(
            number_,
            fmt::format("files of names and patterns ({}) are not supported yet", word.text));
      is_all = is_all || (!word.is_quoted && word.text == "all");
      names.push_back(word.text);
      goes_on = !word.ends_list;
    }
    if (is_all) names.clear();
    return names;
  }

 private:
  const std::vector<Word> words_;
  const int number_;
  size_t next_ = 0;
};

struct Network {
  AddressBytes address = {};
  int bits = kIpv6Bits;
};

bool is_ipv4(const AddressBytes& address) {
  return std::all_of(address.begin(), address.begin() + 10, [](uint8_t b) { return b == 0; }) &&
         address[10] == 0xff && address[11] == 0xff;
}

// Returns the number of leading one bits of a mask, or nullopt if one bits follow a zero bit.
std::optional<int> mask_bits(const AddressBytes& mask, int first) {
  int bits = 0;
  bool has_ended = false;
  for (int i = first; i < kIpv6Bits; ++i) {
    const bool is_set = (mask[static_cast<size_t>(i / 8)] >> (7 - i % 8) & 1) != 0;
    if (is_set && has_ended) return std::nullopt;
    has_ended = has_ended || !is_set;
    bits += is_set ? 1 : 0;
  }
  return bits;
}

Result<Network> read_network(Line& line, int number) {
  const std::string text = TRY(line.one("address"));
  if (text == "all") return Network{{}, 0};
  if (text == "samehost" || text == "samenet")
    return bad_line(number, fmt::format("{} is not supported yet", text));
  const size_t slash = text.find('/');
  const auto address = parse_address(std::string_view(text).substr(0, slash));
  if (!address)
    return bad_line(number, fmt::format("\"{}\" is not an address", text),
                    "Host names are not supported yet. Write an address such as 10.0.0.0/8, "
                    "::1/128 or all.");
  const int offset = is_ipv4(*address) ? kIpv6Bits - kIpv4Bits : 0;
  if (slash == std::string::npos) {
    const auto mask = parse_address(TRY(line.one("mask of the address")));
    const auto bits = mask ? mask_bits(*mask, offset) : std::nullopt;
    if (!bits) return bad_line(number, "the mask of the address is not valid");
    return Network{*address, *bits + offset};
  }
  int bits = 0;
  const char* const end = text.data() + text.size();
  const auto [parsed, error] = std::from_chars(text.data() + slash + 1, end, bits);
  if (error != std::errc() || parsed != end || bits < 0 || bits > kIpv6Bits - offset)
    return bad_line(number, fmt::format("\"{}\" is not an address with a prefix length", text));
  return Network{*address, bits + offset};
}

std::optional<AccessRule::Kind> kind_of(std::string_view word) {
  if (word == "host") return AccessRule::Kind::Host;
  if (word == "hostssl") return AccessRule::Kind::HostSsl;
  if (word == "hostnossl") return AccessRule::Kind::HostNoSsl;
  if (word == "local") return AccessRule::Kind::Local;
  return std::nullopt;
}

Result<Method> read_method(Line& line, int number) {
  const std::string word = TRY(line.one("method"));
  for (const Method method :
       {Method::Trust, Method::Reject, Method::Password, Method::Certificate, Method::Token})
    if (word == to_string(method)) return method;
  return bad_line(number, fmt::format("the method \"{}\" is not supported yet", word),
                  "Supported methods are trust, reject, scram-sha-256, cert and oauth.");
}

Result<AccessRule> read_rule(std::vector<Word> words, int number) {
  Line line(std::move(words), number);
  AccessRule rule;
  rule.line = number;
  const std::string kind = TRY(line.one("type"));
  const auto known = kind_of(kind);
  if (!known)
    return bad_line(number, fmt::format("\"{}\" is not a connection type", kind),
                    "Connection types are local, host, hostssl and hostnossl.");
  rule.kind = *known;
  rule.databases = TRY(line.list("database"));
  rule.users = TRY(line.list("user"));
  if (rule.kind != AccessRule::Kind::Local) {
    const Network network = TRY(read_network(line, number));
    rule.address = network.address;
    rule.prefix_bits = network.bits;
  }
  rule.method = TRY(read_method(line, number));
  if (!line.at_end())
    return bad_line(number, "options of authentication methods are not supported yet");
  if (rule.method == Method::Certificate && rule.kind != AccessRule::Kind::HostSsl)
    return bad_line(number, "the method cert requires hostssl");
  if (rule.method == Method::Token && rule.databases != std::vector<std::string>{"kafka"})
    return bad_line(number, "the method oauth requires the database kafka",
                    "Only Kafka clients send tokens. Write a line of its own for the others.");
  return rule;
}

bool is_within(const AddressBytes& address, const AccessRule& rule) {
  for (int i = 0; i < rule.prefix_bits; i += 8) {
    const auto at = static_cast<size_t>(i / 8);
    const int bits = std::min(8, rule.prefix_bits - i);
    const auto mask = static_cast<uint8_t>(0xff00 >> bits);
    if (((address[at] ^ rule.address[at]) & mask) != 0) return false;
  }
  return true;
}

bool is_one_of(const std::vector<std::string>& names, const std::string& name,
               const std::set<std::string>& roles) {
  if (names.empty()) return true;
  return std::ranges::any_of(names, [&](const std::string& each) {
    return each == name || (each.starts_with('+') && roles.contains(each.substr(1)));
  });
}

bool fits(const AccessRule& rule, const Arrival& arrival, const std::set<std::string>& roles) {
  if (rule.kind == AccessRule::Kind::Local) return false;
  if (rule.kind == AccessRule::Kind::HostSsl && !arrival.has_tls) return false;
  if (rule.kind == AccessRule::Kind::HostNoSsl && arrival.has_tls) return false;
  const bool has_database =
      is_one_of(rule.databases, arrival.database, {}) ||
      (std::ranges::find(rule.databases, "sameuser") != rule.databases.end() &&
       arrival.database == arrival.user);
  return has_database && is_one_of(rule.users, arrival.user, roles) &&
         is_within(arrival.address, rule);
}

}  // namespace

std::string_view to_string(Method method) {
  switch (method) {
    case Method::Trust:
      return "trust";
    case Method::Reject:
      return "reject";
    case Method::Password:
      return "scram-sha-256";
    case Method::Certificate:
      return "cert";
    case Method::Token:
      return "oauth";
  }
  return "";
}

std::optional<AddressBytes> parse_address(std::string_view text) {
  const std::string whole(text);
  AddressBytes bytes{};
  if (inet_pton(AF_INET6, whole.c_str(), bytes.data()) == 1) return bytes;
  std::array<uint8_t, 4> v4{};
  if (inet_pton(AF_INET, whole.c_str(), v4.data()) != 1) return std::nullopt;
  bytes = {};
  bytes[10] = bytes[11] = 0xff;
  std::copy(v4.begin(), v4.end(), bytes.begin() + 12);
  return bytes;
}

Result<AccessRules> AccessRules::parse(std::string_view text) {
  if (text.size() > kMostFileBytes)
    return Error{ErrorCode::InvalidParameter, "the file is longer than 1 MB"};
  AccessRules rules;
  for (int number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::vector<Word> words = TRY(split(text.substr(0, end), number));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!words.empty()) rules.rules_.push_back(TRY(read_rule(std::move(words), number)));
  }
  return rules;
}

int AccessRules::line_with(Method method) const {
  const auto found = std::ranges::find(rules_, method, &AccessRule::method);
  return found == rules_.end() ? 0 : found->line;
}

const AccessRule* AccessRules::find(const Arrival& arrival,
                                    const std::set<std::string>& roles) const {
  const auto found = std::ranges::find_if(
      rules_, [&](const AccessRule& rule) { return fits(rule, arrival, roles); });
  return found == rules_.end() ? nullptr : &*found;
}

}  // namespace server::auth
