// A backend whose users and rights a test can change, and the directory that authenticates them.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/auth/access.h"
#include "tests/server/kafka/memory_backend.h"

namespace server::kafka {

class UsersBackend : public MemoryBackend {
 public:
  std::shared_ptr<const storage::Users> users() const override { return users_; }
  void change_users(UsersChange change, std::function<void(Status)> done) override {
    const auto changes = change(*users_);
    if (!changes) return done(changes.error());
    auto changed = storage::apply_user_changes(*users_, storage::encode_user_changes(*changes));
    if (!changed) return done(changed.error());
    users_ = std::make_shared<const storage::Users>(*std::move(changed));
    done({});
  }
  void apply(const std::vector<storage::UserChange>& changes) {
    users_ = std::make_shared<const storage::Users>(
        storage::apply_user_changes(*users_, storage::encode_user_changes(changes)).value());
  }

 private:
  std::shared_ptr<const storage::Users> users_ = std::make_shared<const storage::Users>();
};

class Directory final : public auth::UserDirectory {
 public:
  explicit Directory(const Backend& backend) : backend_(backend) {}
  std::optional<auth::Account> find(const std::string& user) const override {
    const auto users = backend_.users();
    const auto found = users->roles.find(user);
    if (found == users->roles.end()) return std::nullopt;
    const storage::Role& role = found->second;
    return auth::Account{role.may_login, role.is_superuser, role.verifiers,
                         storage::roles_of(*users, user), role.incarnation};
  }
  std::string secret() const override { return "secret"; }
  bool may_insert(const std::string&, const std::string&) const override { return false; }

 private:
  const Backend& backend_;
};

// Returns the verifiers of a user with this password, as the user's role stores them.
inline std::map<std::string, std::string> verifiers_of(const std::string& password,
                                                       int iterations = 4096) {
  return {{"SCRAM-SHA-256",
           auth::to_text(auth::make_verifier(auth::Hash::Sha256, password, "salt", iterations))}};
}

}  // namespace server::kafka
