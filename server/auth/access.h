// Who may come in: the access file and the users, for all front ends.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "base/result.h"
#include "server/auth/access_rules.h"
#include "server/auth/verifier.h"
#include "server/net/tls.h"

namespace server::auth {

struct Account {
  bool may_login = false, has_all_rights = false;
  std::map<std::string, std::string> verifiers = {};  // by mechanism, as text
  std::set<std::string> roles = {};                   // whose rights it has, itself among them
  uint64_t incarnation = 0;  // of several by the same name, one after the other
};

// The users of now. Any thread.
class UserDirectory {
 public:
  virtual std::optional<Account> find(const std::string& user) const = 0;
  // That nobody else knows: what is answered about users that are not there follows from it.
  virtual std::string secret() const = 0;
  virtual bool may_insert(const std::string& user, const std::string& topic) const = 0;

 protected:
  ~UserDirectory() = default;
};

// Threads: any. Owner: the node; it outlives the front ends.
class Access {
 public:
  // Without a file everybody may come in and do everything. Fails with InvalidParameter.
  static Result<std::unique_ptr<Access>> open(std::string file, const UserDirectory& users);

  bool is_open() const { return file_.empty(); }
  // Reads the file again, for connections that come. On failure all stays as it was.
  Status reload();

  // How a connection has to show who it is. Fails with InvalidAuthorization when no line fits, or one that rejects.
  Result<Method> admit(const std::string& database, const std::string& user,
                       const Channel& channel) const;
  // What a proof is compared with; of who has no password, is not there or has none for this mechanism, a mock.
  Verifier verifier_of(const std::string& user, Hash hash) const;
  // After the user has shown who it is: its incarnation. Fails with InvalidAuthorization.
  Result<uint64_t> check_login(const std::string& user) const;
  // Of the certificate of `channel`. Fails with InvalidAuthorization.
  Status check_certificate(const std::string& user, const Channel& channel) const;
  // A password in the clear. Takes a millisecond or more, as long for users that are not there. Fails with
  // InvalidPassword.
  Status check_password(const std::string& user, std::string_view password) const;
  // `password authentication failed for user "ann"`, and why it had to where the server asks no client for a password.
  Error refused_password(const std::string& user) const;
  // Of a superuser, or by rights on everything.
  bool has_all_rights(const std::string& user) const;
  bool may_insert(const std::string& user, const std::string& topic) const {
    return users_.may_insert(user, topic);
  }

 private:
  Access(std::string file, const UserDirectory& users) : file_(std::move(file)), users_(users) {}
  std::shared_ptr<const AccessRules> rules() const;

  const std::string file_;
  const UserDirectory& users_;
  mutable std::mutex mutex_;
  // Guarded by mutex_
  std::shared_ptr<const AccessRules> rules_;
};

// `password authentication failed for user "ann"`
Error wrong_password(const std::string& user);

}  // namespace server::auth
