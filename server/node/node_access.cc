#include "server/node/node_access.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <future>

#include "base/log.h"
#include "engine/sql/ast_access.h"
#include "server/metadata/plan_users.h"
#include "server/metadata/rights.h"
#include "server/node/token_keys.h"

namespace server {

Result<std::unique_ptr<NodeAccess>> NodeAccess::open(const NodeSettings::Security& settings,
                                                     MetadataApplier& definitions,
                                                     const Clock& clock) {
  std::unique_ptr<NodeAccess> made(new NodeAccess(settings, definitions));
  made->tokens_ = TRY(open_tokens(settings.tokens, clock));
  made->access_ = TRY(auth::Access::open(settings.access_file, *made, made->tokens_.get()));
  if (!settings.tls.certificate.empty()) made->tls_ = TRY(TlsServer::open(settings.tls));
  return made;
}

std::optional<auth::Account> NodeAccess::find(const std::string& user) const {
  const MetadataImagePtr image = definitions_.image();
  const auto found = image->users->roles.find(user);
  if (found == image->users->roles.end()) return std::nullopt;
  const storage::Role& role = found->second;
  constexpr storage::Rights kAll = storage::kMaySelect | storage::kMayInsert | storage::kMayCreate;
  std::set<std::string> roles = storage::roles_of(*image->users, user);
  const bool has_all = std::ranges::all_of(storage::kAllOfAKind, [&](std::string_view each) {
    return (storage::rights_on(*image->users, roles, std::string(each)) & kAll) == kAll;
  });
  return auth::Account{role.may_login, role.is_superuser || has_all, role.verifiers,
                       std::move(roles), role.incarnation};
}

std::string NodeAccess::secret() const { return definitions_.image()->users->secret; }

bool NodeAccess::may_insert(const std::string& user, const std::string& topic) const {
  const MetadataImagePtr image = definitions_.image();
  return check_topic(*image->users, user, topic, storage::kMayInsert).has_value();
}

void NodeAccess::reload() {
  if (tokens_) tokens_->refresh();
  std::vector<std::string_view> files;
  if (!settings_.access_file.empty()) files.push_back("access file");
  if (tls_) files.push_back("certificates");
  if (files.empty()) {
    log_info("signal SIGHUP has no effect, the server has neither an access file nor certificates");
    return;
  }
  const std::string names = fmt::format("{}", fmt::join(files, " and "));
  const Status rules = access_->reload();
  const Status certificates = tls_ ? tls_->reload() : Status{};
  for (const Status* each : {&rules, &certificates})
    if (!*each)
      log_error("cannot read {} again, the old ones stay in effect error=\"{}\"", names,
                each->error().message);
  if (rules && certificates) log_info("{} were read again", names);
}

void NodeAccess::stop() {
  if (tokens_) tokens_->stop();
}

Result<std::string> read_password(const std::string& path) {
  errno = 0;
  std::ifstream in(path);
  const int failure = errno;
  std::string password;
  if (!in.is_open())
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("cannot read a password from {}: {}", path, std::strerror(failure))};
  if (!std::getline(in, password) || password.empty())
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("cannot read a password from {}: its first line is empty", path)};
  return password;
}

Status use_credentials(std::vector<HttpEndpoint>& endpoints, const std::string& path) {
  if (path.empty()) return {};
  const std::string credentials = TRY(read_password(path));
  for (HttpEndpoint& endpoint : endpoints) endpoint.user_and_password = credentials;
  return {};
}

Status NodeAccess::make_superuser() {
  if (settings_.superuser_password_file.empty() || find(settings_.superuser)) return {};
  auto read = read_password(settings_.superuser_password_file);
  if (!read)
    return std::move(read).error().with_hint(
        "--superuser-password-file names a file whose first line is the password of the first "
        "user.");
  const std::string password = *std::move(read);
  std::promise<Status> done;
  definitions_.submit(
      [&](const storage::Users&) -> Result<std::vector<storage::UserChange>> {
        const engine::Statement statement =
            engine::CreateRole{true, settings_.superuser, {{}, true, password}};
        return TRY(plan_users(statement, *definitions_.image(), {})).changes;
      },
      [&](Status made) { done.set_value(std::move(made)); });
  const Status made = done.get_future().get();
  // When the nodes of a cluster start together, another node may have created the user before this node.
  if (!made && find(settings_.superuser)) return {};
  TRY(made);
  log_info("superuser created name={}", settings_.superuser);
  return {};
}

}  // namespace server
