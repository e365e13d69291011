// Admits clients of all front ends, according to the access file and the users.
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

namespace oauth {
class TokenChecker;
}

struct Account {
  bool may_login = false, has_all_rights = false;
  // password verifiers, as texts, by name of the SCRAM mechanism
  std::map<std::string, std::string> verifiers = {};
  // The roles whose rights the account has, including the account's own name.
  std::set<std::string> roles = {};
  uint64_t incarnation = 0;  // distinguishes users that had the same name one after the other
};

struct LoginState {
  bool may_login = false;
  uint64_t incarnation = 0;
  std::string password = {};  // a digest of the verifiers, from which they cannot be derived
  bool operator==(const LoginState&) const = default;
};

// Finds the users that exist now. Called on any thread.
class UserDirectory {
 public:
  virtual std::optional<Account> find(const std::string& user) const = 0;
  // Returns a secret of this server, from which answers about users that do not exist are derived.
  virtual std::string secret() const = 0;
  virtual bool may_insert(const std::string& user, const std::string& topic) const = 0;

 protected:
  ~UserDirectory() = default;
};

// Threads: any. Owner: the node; it outlives the front ends.
class Access {
 public:
  // Reads the access file. If `file` is empty, every client may connect and do everything. `tokens`
  // checks the tokens of clients; null: clients have none, and the method oauth is refused. Fails
  // with InvalidParameter.
  static Result<std::unique_ptr<Access>> open(std::string file, const UserDirectory& users,
                                              oauth::TokenChecker* tokens = nullptr);

  bool is_open() const { return file_.empty(); }
  // Reads the file again; the new rules apply to new connections. After a failure the old rules
  // stay in force.
  Status reload();

  // Returns the authentication method for a connection. Fails with InvalidAuthorization if no line
  // matches the connection, or if the first line that matches rejects it.
  Result<Method> admit(const std::string& database, const std::string& user,
                       const Channel& channel) const;
  // Checks a proof of the user's identity against the method that admit() has returned. A token is
  // not accepted where a password is required, nor the reverse. Fails with InvalidAuthorization.
  static Status check_proof(const std::string& user, Method required, Method given);
  // Returns the checker of tokens, or null.
  oauth::TokenChecker* tokens() const { return tokens_; }
  // Returns the verifier with which a proof is checked. For a user that does not exist, or has no
  // password for this mechanism, it returns a mock (mock_verifier()).
  Verifier verifier_of(const std::string& user, Hash hash) const;
  // Checks that the user, which is authenticated, may log in, and returns the user's incarnation.
  // Fails with InvalidAuthorization.
  Result<uint64_t> check_login(const std::string& user) const;
  // Returns the facts on which the login of a user depends: the right to log in, the incarnation
  // and the password. A login ends as soon as they differ from those at its beginning.
  LoginState login_state(const std::string& user) const;
  // Checks that the certificate of `channel` has the name of the user. Fails with
  // InvalidAuthorization.
  Status check_certificate(const std::string& user, const Channel& channel) const;
  // Checks a password in plain text. Takes a millisecond or more, also for users that do not exist,
  // so that the time reveals nothing. Fails with InvalidPassword.
  Status check_password(const std::string& user, std::string_view password) const;
  // Returns the error `password authentication failed for user "ann"`. If the server has no access
  // file and therefore asks no client for a password, the error gives this reason.
  Error refused_password(const std::string& user) const;
  // Returns true for superusers, and for users with rights on everything.
  bool has_all_rights(const std::string& user) const;
  bool may_insert(const std::string& user, const std::string& topic) const {
    return users_.may_insert(user, topic);
  }

 private:
  Access(std::string file, const UserDirectory& users, oauth::TokenChecker* tokens)
      : file_(std::move(file)), users_(users), tokens_(tokens) {}
  std::shared_ptr<const AccessRules> rules() const;

  const std::string file_;
  const UserDirectory& users_;
  oauth::TokenChecker* const tokens_;
  mutable std::mutex mutex_;
  // Guarded by mutex_
  std::shared_ptr<const AccessRules> rules_;
};

// Returns the error `password authentication failed for user "ann"`.
Error wrong_password(const std::string& user);

}  // namespace server::auth
