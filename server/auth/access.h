// Admission of clients: the access file and the users, for all front ends.
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
  std::set<std::string> roles = {};                   // with its own name; it has the rights of all
  uint64_t incarnation = 0;  // distinguishes successive users of one name
};

// The present users. Called on any thread.
class UserDirectory {
 public:
  virtual std::optional<Account> find(const std::string& user) const = 0;
  // A secret of this server: answers about users that do not exist are derived from it.
  virtual std::string secret() const = 0;
  virtual bool may_insert(const std::string& user, const std::string& topic) const = 0;

 protected:
  ~UserDirectory() = default;
};

// Threads: any. Owner: the node; it outlives the front ends.
class Access {
 public:
  // Without a file every client may connect and do everything. Fails with InvalidParameter.
  static Result<std::unique_ptr<Access>> open(std::string file, const UserDirectory& users);

  bool is_open() const { return file_.empty(); }
  // Reads the file again, for new connections. A failure changes nothing.
  Status reload();

  // The authentication method for a connection. Fails with InvalidAuthorization if no line matches,
  // or one that rejects.
  Result<Method> admit(const std::string& database, const std::string& user,
                       const Channel& channel) const;
  // The verifier for a proof. For a user that does not exist, has no password or none for this
  // mechanism: a mock.
  Verifier verifier_of(const std::string& user, Hash hash) const;
  // Call after the user is authenticated: returns its incarnation. Fails with InvalidAuthorization.
  Result<uint64_t> check_login(const std::string& user) const;
  // Checks the certificate of `channel`. Fails with InvalidAuthorization.
  Status check_certificate(const std::string& user, const Channel& channel) const;
  // Checks a password in plain text. Takes a millisecond or more, and the same time for users that
  // do not exist. Fails with InvalidPassword.
  Status check_password(const std::string& user, std::string_view password) const;
  // `password authentication failed for user "ann"`, with the reason if the server is open and asks
  // no client for a password.
  Error refused_password(const std::string& user) const;
  // True for superusers, and for users with rights on everything.
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
