#include "server/http/console/audit.h"

#include <absl/strings/ascii.h>

#include <algorithm>
#include <initializer_list>
#include <utility>
#include <variant>

#include "base/errors.h"
#include "base/log.h"
#include "engine/types/text_bytes.h"

namespace server::http {

namespace {

constexpr size_t kMostAuditedBytes = 1'000;

std::string audit_text(std::string_view text) {
  std::string shown(text.substr(0, kMostAuditedBytes));
  for (char& c : shown) {
    if (c == '"') c = '\'';
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) c = ' ';
  }
  if (text.size() > kMostAuditedBytes) shown += "...";
  return shown;
}

// Returns a text for the table, which needs valid UTF-8; other than the line of the log, it keeps quotes and line ends.
std::string table_text(std::string_view text) {
  std::string shown = engine::repaired_utf8(text.substr(0, kMostAuditedBytes));
  if (text.size() > kMostAuditedBytes) shown += "...";
  return shown;
}

bool is_word(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// Whether a setting with this name holds a secret, such as 'database.password' or 'sasl.jaas.config'.
bool names_secret(std::string_view name) {
  const std::string lower = absl::AsciiStrToLower({name.data(), name.size()});
  return std::ranges::any_of(
      std::initializer_list<std::string_view>{"password", "passwd", "secret", "credential", "token",
                                              "jaas", "user.info", "private", "key.pem"},
      [&](std::string_view part) { return lower.find(part) != lower.npos; });
}

// Returns the size of the token at the beginning of the text: a literal or a quoted name with its quotes, a
// comment, a word, or one character. A literal without an end extends to the end of the text. With `has_escapes`
// (E'...'), the character after a backslash does not end the literal.
size_t token_size(std::string_view text, bool has_escapes) {
  const auto up_to = [&](std::string_view end, size_t from) {
    const size_t found = text.find(end, from);
    return found == text.npos ? text.size() : found + end.size();
  };
  const char first = text[0];
  if (first == '\'' || first == '"' || first == '`') {
    size_t at = 1;
    while (at < text.size() && text[at] != first) at += has_escapes && text[at] == '\\' ? 2 : 1;
    return std::min(text.size(), at + 1);
  }
  if (text.starts_with("--")) return up_to("\n", 2);
  if (text.starts_with("/*")) return up_to("*/", 2);
  if (first == '$') {
    size_t end = 1;
    while (end < text.size() && is_word(text[end])) ++end;
    if (end < text.size() && text[end] == '$') return up_to(text.substr(0, end + 1), end + 1);
    return 1;
  }
  size_t size = 0;
  while (size < text.size() && is_word(text[size])) ++size;
  return std::max<size_t>(size, 1);
}

Masked masks_of(const engine::Statement& statement) {
  const bool has_values = std::holds_alternative<engine::InsertValues>(statement) ||
                          std::holds_alternative<engine::UpdateRows>(statement) ||
                          std::holds_alternative<engine::DeleteRows>(statement);
  return has_values ? Masked::SecretsAndValues : Masked::Secrets;
}

bool is_literal(std::string_view token) {
  return token.starts_with('\'') || (token.starts_with('$') && token.size() > 1);
}

}  // namespace

std::string masked_statement(std::string_view text, Masked masks) {
  std::string masked;
  bool is_secret = false;    // the next literal is a secret value
  bool has_escapes = false;  // a literal that follows directly (E'...') has escapes
  while (!text.empty()) {
    const std::string_view token =
        text.substr(0, token_size(text, has_escapes && text.starts_with('\'')));
    text.remove_prefix(token.size());
    has_escapes = token == "E" || token == "e";
    // If no other token is between two literals, they are one literal with a doubled quote, so the
    // second one is masked, too.
    if (is_literal(token) && is_secret) {
      masked += "'***'";
      continue;
    }
    const bool is_value =
        is_literal(token) || absl::ascii_isdigit(static_cast<unsigned char>(token[0]));
    masked += is_value && masks == Masked::SecretsAndValues ? "?" : token;
    const bool is_between = token.size() == 1 && (absl::ascii_isspace(token[0]) || token == "=" ||
                                                  token == "," || token == ":");
    const bool is_prefix = token.size() == 1 && (token == "E" || token == "e" || token == "N");
    if (!is_between && !is_prefix && !token.starts_with("/*") && !token.starts_with("--"))
      is_secret = names_secret(token);
    if (token == ",") is_secret = false;
  }
  return masked;
}

namespace {

// Returns the text of a statement for the audit. The parser drops the text of a statement with a password.
std::string audited_text(const engine::ParsedStatement& statement) {
  const auto of_role = [&](std::string_view command, const auto& role) {
    const bool is_dropped = statement.text.find(role.name) == statement.text.npos;
    return is_dropped ? fmt::format("{} {} {} PASSWORD '***'", command,
                                    role.is_user ? "USER" : "ROLE", role.name)
                      : masked_statement(statement.text, Masked::Secrets);
  };
  if (const auto* create = std::get_if<engine::CreateRole>(&statement.statement))
    return of_role("CREATE", *create);
  if (const auto* alter = std::get_if<engine::AlterRole>(&statement.statement))
    return of_role("ALTER", *alter);
  return masked_statement(statement.text, masks_of(statement.statement));
}

}  // namespace

void write_audit(const AuditEntry& entry) {
  std::string line =
      fmt::format("audit event={} user=\"{}\" address={} session={} outcome=\"{}\"", entry.event,
                  audit_text(entry.user), entry.channel ? entry.channel->peer_host : "",
                  entry.session.empty() ? "none" : entry.session, audit_text(entry.outcome));
  if (!entry.text.empty()) line += fmt::format(" text=\"{}\"", audit_text(entry.text));
  log_info("{}", line);
  if (entry.ring)
    entry.ring->add({.event = std::string(entry.event),
                     .user = table_text(entry.user),
                     .address = entry.channel ? entry.channel->peer_host : std::string(),
                     .session = std::string(entry.session),
                     .outcome = table_text(entry.outcome),
                     .text = table_text(entry.text)});
}

sql::ChangeAudit audit_of(const Request& request, const Channel* channel) {
  if (request.audited_session.empty()) return {};
  return [user = request.has_rights_of_user ? request.user : std::string(),
          session = request.audited_session, ring = request.audit_ring,
          channel](const engine::ParsedStatement& statement, const Error* error) {
    write_audit({.event = "statement",
                 .user = user,
                 .session = session,
                 .channel = channel,
                 .text = audited_text(statement),
                 .outcome = error ? sqlstate(error->code) : "ok",
                 .ring = ring});
  };
}

}  // namespace server::http
