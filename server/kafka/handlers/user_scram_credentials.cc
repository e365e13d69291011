// Passwords of users as Kafka's tools set them. The client computes the salted password, so the
// server never receives the password itself (KIP-554).
#include <fmt/format.h>

#include <map>
#include <set>

#include "server/auth/digest.h"
#include "server/auth/verifier.h"
#include "server/kafka/handlers/handlers.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

namespace {

using auth::Hash;

constexpr size_t kMostUserNameBytes = 63;  // limit of CREATE USER
constexpr int32_t kLeastIterations = 4096;
constexpr size_t kMostSaltBytes = 255;
constexpr size_t kSecretBytes = 32;

// Returns the hash of the SCRAM mechanism that has this number in the protocol.
std::optional<Hash> hash_of(int8_t mechanism) {
  if (mechanism == 1) return Hash::Sha256;
  if (mechanism == 2) return Hash::Sha512;
  return std::nullopt;
}

struct Refusal {
  KafkaError error = KafkaError::None;
  std::string message = {};
};

// The changes of one user's verifiers, by mechanism: the new text, or nullopt to remove the
// verifier.
using Verifiers = std::map<std::string, std::optional<std::string>>;

Refusal check_name(const std::string& name) {
  if (name.empty() || name.size() > kMostUserNameBytes)
    return {kUnacceptableCredential,
            fmt::format("the name of a user must have 1 to {} bytes", kMostUserNameBytes)};
  if (name.starts_with("pg_") || name == "public" || name == "all")
    return {kUnacceptableCredential, fmt::format("role name \"{}\" is reserved", name)};
  return {};
}

Refusal read_upsertion(const AlterUserScramCredentialsRequest::Upsertion& asked, Verifiers& to) {
  const auto hash = hash_of(asked.mechanism);
  if (!hash)
    return {kUnsupportedSaslMechanism, "the mechanism must be SCRAM-SHA-256 or SCRAM-SHA-512"};
  if (asked.iterations < kLeastIterations || asked.iterations > auth::kMostIterations)
    return {kUnacceptableCredential, fmt::format("the number of iterations must be {} to {}",
                                                 kLeastIterations, auth::kMostIterations)};
  if (asked.salt.empty() || asked.salt.size() > kMostSaltBytes ||
      asked.salted_password.size() != auth::digest_size(*hash))
    return {kUnacceptableCredential, "the salt or the salted password has the wrong size"};
  to[std::string(auth::mechanism_name(*hash))] = auth::to_text(auth::verifier_from_salted(
      *hash, asked.salted_password, std::string(asked.salt), asked.iterations));
  return {};
}

Refusal read_deletion(const AlterUserScramCredentialsRequest::Deletion& asked,
                      const storage::Users& users, Verifiers& to) {
  const auto hash = hash_of(asked.mechanism);
  if (!hash)
    return {kUnsupportedSaslMechanism, "the mechanism must be SCRAM-SHA-256 or SCRAM-SHA-512"};
  const std::string mechanism(auth::mechanism_name(*hash));
  const auto role = users.roles.find(asked.name);
  if (role == users.roles.end() || !role->second.verifiers.contains(mechanism))
    return {kResourceNotFound,
            fmt::format("user \"{}\" has no credential of {}", asked.name, mechanism)};
  to[mechanism] = std::nullopt;
  return {};
}

std::vector<storage::UserChange> changes_for(const std::map<std::string, Verifiers>& wanted,
                                             const storage::Users& users) {
  std::vector<storage::UserChange> changes;
  for (const auto& [name, verifiers] : wanted) {
    const auto found = users.roles.find(name);
    // Kafka has no other request that creates a user, so this request creates the role if it does
    // not exist.
    storage::Role role =
        found == users.roles.end() ? storage::Role{.may_login = true} : found->second;
    for (const auto& [mechanism, text] : verifiers)
      if (text)
        role.verifiers[mechanism] = *text;
      else
        role.verifiers.erase(mechanism);
    changes.push_back(storage::PutRole{name, std::move(role)});
  }
  if (users.secret.empty())
    changes.push_back(storage::SetUsersSecret{auth::random_bytes(kSecretBytes)});
  return changes;
}

}  // namespace

void handle_describe_user_scram_credentials(HandlerContext& context,
                                            DescribeUserScramCredentialsRequest request,
                                            Reply<DescribeUserScramCredentialsResponse> reply) {
  DescribeUserScramCredentialsResponse response;
  const auto users = context.backend.users();
  const bool wants_all = !request.users || request.users->empty();
  std::map<std::string, int> times_named;
  if (wants_all) {
    for (const auto& [name, role] : users->roles)
      if (!role.verifiers.empty()) times_named[name] = 1;
  } else {
    for (auto& user : *request.users) ++times_named[user.name];
  }
  for (const auto& [name, times] : times_named) {
    auto& result = response.results.emplace_back();
    result.user = name;
    const auto role = users->roles.find(name);
    if (times > 1) {
      result.error_code = kDuplicateResource;
      result.error_message = "the request names the user twice";
    } else if (role == users->roles.end() || role->second.verifiers.empty()) {
      result.error_code = kResourceNotFound;
      result.error_message = fmt::format("user \"{}\" does not exist or has no password", name);
    } else {
      for (const int8_t mechanism : {int8_t{1}, int8_t{2}}) {
        const auto found =
            role->second.verifiers.find(std::string(auth::mechanism_name(*hash_of(mechanism))));
        if (found == role->second.verifiers.end()) continue;
        if (const auto verifier = auth::parse_verifier(found->second))
          result.credential_infos.push_back({mechanism, verifier->iterations});
      }
    }
  }
  reply.send(response);
}

void handle_alter_user_scram_credentials(HandlerContext& context,
                                         AlterUserScramCredentialsRequest request,
                                         Reply<AlterUserScramCredentialsResponse> reply) {
  const auto users = context.backend.users();
  std::map<std::string, Verifiers> wanted;
  std::map<std::string, Refusal> refusals;
  std::set<std::pair<std::string, int8_t>> seen;
  // As in Kafka, a user is not changed at all if one of its changes is refused.
  const auto take = [&](const auto& asked, auto read) {
    Refusal refused = check_name(asked.name);
    if (!seen.emplace(asked.name, asked.mechanism).second)
      refused = {kDuplicateResource, "the request names the user's credential twice"};
    // A user that is not a superuser, but may alter the cluster by an ACL, must not be able to set
    // the password of a superuser and log in with it.
    if (const auto role = users->roles.find(asked.name);
        context.permissions && role != users->roles.end() && role->second.is_superuser)
      refused = {kClusterRefused, "only superusers can change the password of a superuser"};
    if (refused.error == KafkaError::None) refused = read(wanted[asked.name]);
    if (refused.error != KafkaError::None) refusals.try_emplace(asked.name, std::move(refused));
  };
  for (const auto& asked : request.deletions)
    take(asked, [&](Verifiers& to) { return read_deletion(asked, *users, to); });
  for (const auto& asked : request.upsertions)
    take(asked, [&](Verifiers& to) { return read_upsertion(asked, to); });
  AlterUserScramCredentialsResponse response;
  for (auto& [name, refusal] : refusals) {
    wanted.erase(name);
    response.results.push_back({name, refusal.error, std::move(refusal.message)});
  }
  if (wanted.empty()) return reply.send(response);
  context.backend.change_users(
      [wanted](const storage::Users& now) -> Result<std::vector<storage::UserChange>> {
        return changes_for(wanted, now);
      },
      [reply, wanted, response = std::move(response)](Status done) mutable {
        for (const auto& [name, verifiers] : wanted) {
          auto& result = response.results.emplace_back();
          result.user = name;
          if (done) continue;
          result.error_code = kafka_error(done.error().code);
          result.error_message = done.error().message;
        }
        reply.send(response);
      });
}

}  // namespace server::kafka
