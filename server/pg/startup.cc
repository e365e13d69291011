#include "server/pg/startup.h"

#include "base/bytes.h"
#include "server/pg/messages.h"

namespace server::pg {

namespace {

// Splits `options` into words at blanks; a backslash keeps the next character unchanged.
std::vector<std::string> split_options(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      word += text[++i];
    } else if (text[i] == ' ') {
      if (!word.empty()) words.push_back(std::exchange(word, {}));
    } else {
      word += text[i];
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

// Reads items `-c name=value`, `-cname=value` and `--name=value`, and ignores other items.
void add_options(SessionRequest& request, std::string_view text) {
  const std::vector<std::string> words = split_options(text);
  for (size_t i = 0; i < words.size(); ++i) {
    std::string item = words[i];
    if (item == "-c" && i + 1 < words.size())
      item = words[++i];
    else if (item.starts_with("--") || item.starts_with("-c"))
      item.erase(0, 2);
    else
      continue;
    const size_t equals = item.find('=');
    if (equals == std::string::npos) continue;
    std::string name = item.substr(0, equals);
    for (char& c : name)
      if (c == '-') c = '_';
    request.settings.emplace_back(std::move(name), item.substr(equals + 1));
  }
}

Error unsupported_version(int32_t code) {
  return Error{ErrorCode::NotSupported, "unsupported frontend protocol " +
                                            std::to_string(static_cast<uint32_t>(code) >> 16) +
                                            "." + std::to_string(code & 0xFFFF) +
                                            ": server supports 3.0 to 3.0"};
}

}  // namespace

Result<StartupRequest> read_startup(int32_t code, std::string_view body) {
  if (code == kSslRequestCode || code == kGssEncryptionRequestCode) return EncryptionRequest{};
  if (code == kCancelRequestCode) {
    ByteReader reader(body);
    const CancelRequest request{reader.be<int32_t>(), reader.be<int32_t>()};
    if (!reader.ok()) return Error{ErrorCode::ProtocolViolation, "invalid cancel request"};
    return request;
  }
  if ((code >> 16) != (kProtocolVersion >> 16)) return unsupported_version(code);

  SessionRequest request;
  request.must_negotiate = code > kProtocolVersion;
  for (const auto& [name, value] : TRY(decode_startup_parameters(body))) {
    if (name == "user") {
      request.user = value;
    } else if (name == "database") {
      request.database = value;
    } else if (name == "options") {
      add_options(request, value);
    } else if (name == "replication") {
      if (value != "false" && value != "off" && value != "0" && value != "no")
        return Error{ErrorCode::NotSupported, "the replication protocol is not supported yet"};
    } else if (name.starts_with("_pq_.")) {
      request.must_negotiate = true;
      request.unknown_options.emplace_back(name);
    } else {
      request.settings.emplace_back(name, value);
    }
  }
  if (request.user.empty())
    return Error{ErrorCode::InvalidAuthorization,
                 "no PostgreSQL user name specified in startup packet"};
  if (request.database.empty()) request.database = request.user;
  return request;
}

}  // namespace server::pg
