#include "server/auth/access.h"

#include <fmt/format.h>

#include <fstream>
#include <sstream>

#include "server/auth/digest.h"

namespace server::auth {

namespace {

Result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in || !text)
    return Error{ErrorCode::InvalidParameter, fmt::format("cannot read the access file {}", path)};
  return std::move(text).str();
}

}  // namespace

Error wrong_password(const std::string& user) {
  return {ErrorCode::InvalidPassword,
          fmt::format("password authentication failed for user \"{}\"", user)};
}

Result<std::unique_ptr<Access>> Access::open(std::string file, const UserDirectory& users,
                                             oauth::TokenChecker* tokens) {
  std::unique_ptr<Access> access(new Access(std::move(file), users, tokens));
  if (!access->is_open()) TRY(access->reload());
  return access;
}

Status Access::reload() {
  if (is_open()) return {};
  auto parsed = AccessRules::parse(TRY(read_file(file_)));
  if (!parsed)
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("the access file {}, {}", file_, parsed.error().message),
                 {},
                 parsed.error().hint};
  if (const int line = parsed->line_with(Method::Token); line > 0 && !tokens_)
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("the access file {}, line {}: the method oauth requires the keys of "
                             "the tokens' issuer",
                             file_, line),
                 {},
                 "Start the server with --sasl-oauthbearer-jwks-endpoint-url."};
  auto rules = std::make_shared<const AccessRules>(*std::move(parsed));
  const std::lock_guard lock(mutex_);
  rules_ = std::move(rules);
  return {};
}

std::shared_ptr<const AccessRules> Access::rules() const {
  const std::lock_guard lock(mutex_);
  return rules_;
}

Result<Method> Access::admit(const std::string& database, const std::string& user,
                             const Channel& channel) const {
  if (is_open()) return Method::Trust;
  Arrival arrival{database, user, {}, channel.has_tls};
  const auto address = parse_address(channel.peer_host);
  if (address) arrival.address = *address;
  const std::optional<Account> account = users_.find(user);
  const std::shared_ptr<const AccessRules> now = rules();
  const AccessRule* rule =
      address ? now->find(arrival, account ? account->roles : std::set<std::string>{user})
              : nullptr;
  if (rule && rule->method != Method::Reject) return rule->method;
  // The message has PostgreSQL's wording, because users search for it.
  return Error{ErrorCode::InvalidAuthorization,
               fmt::format("{} for host \"{}\", user \"{}\", database \"{}\", {}",
                           rule ? "pg_hba.conf rejects connection" : "no pg_hba.conf entry",
                           channel.peer_host, user, database,
                           channel.has_tls ? "SSL encryption" : "no encryption")};
}

Status Access::check_proof(const std::string& user, Method required, Method given) {
  const auto needs = [&](std::string_view proof) {
    return Error{ErrorCode::InvalidAuthorization,
                 fmt::format("the access file requires {} of user \"{}\" ({})", proof, user,
                             to_string(required))};
  };
  if (required == Method::Token && given != Method::Token)
    return needs("a token (SASL OAUTHBEARER)");
  if (required == Method::Password && given == Method::Token) return needs("a password");
  return {};
}

Verifier Access::verifier_of(const std::string& user, Hash hash) const {
  Verifier mock = mock_verifier(hash, users_.secret(), user);
  const std::optional<Account> account = users_.find(user);
  if (!account) return mock;
  const auto text = account->verifiers.find(std::string(mechanism_name(hash)));
  if (text == account->verifiers.end()) return mock;
  return parse_verifier(text->second).value_or(std::move(mock));
}

Result<uint64_t> Access::check_login(const std::string& user) const {
  const std::optional<Account> account = users_.find(user);
  if (!account)
    return Error{ErrorCode::InvalidAuthorization, fmt::format("role \"{}\" does not exist", user)};
  if (!account->may_login)
    return Error{ErrorCode::InvalidAuthorization,
                 fmt::format("role \"{}\" is not permitted to log in", user)};
  return account->incarnation;
}

LoginState Access::login_state(const std::string& user) const {
  const std::optional<Account> account = users_.find(user);
  if (!account) return {};
  std::string verifiers;
  for (const auto& [mechanism, verifier] : account->verifiers)
    verifiers += mechanism + '\0' + verifier + '\0';
  return {account->may_login, account->incarnation, digest(Hash::Sha256, verifiers)};
}

Status Access::check_certificate(const std::string& user, const Channel& channel) const {
  if (!channel.certificate_name.empty() && channel.certificate_name == user) return {};
  return Error{ErrorCode::InvalidAuthorization,
               fmt::format("certificate authentication failed for user \"{}\"", user)};
}

Status Access::check_password(const std::string& user, std::string_view password) const {
  // If the user has only SHA-512, that mechanism is used, because Kafka's tools create users for
  // one mechanism only.
  const std::optional<Account> account = users_.find(user);
  const bool has_other = account && !account->verifiers.contains("SCRAM-SHA-256") &&
                         account->verifiers.contains("SCRAM-SHA-512");
  const Verifier verifier = verifier_of(user, has_other ? Hash::Sha512 : Hash::Sha256);
  if (password.size() > kMaxPasswordBytes || !matches(verifier, password))
    return refused_password(user);
  return {};
}

Error Access::refused_password(const std::string& user) const {
  Error error = wrong_password(user);
  // The reason is added, because the message alone would be misleading: without an access file no user exists, so
  // every password is wrong.
  if (is_open())
    error.message +=
        ": the server was started without --access-file, so clients connect without SASL";
  return error;
}

bool Access::has_all_rights(const std::string& user) const {
  const std::optional<Account> account = users_.find(user);
  return account && account->has_all_rights;
}

}  // namespace server::auth
