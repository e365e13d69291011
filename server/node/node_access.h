// Access rules and certificates for the front ends of one node.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "server/auth/access.h"
#include "server/auth/oauth/token_checker.h"
#include "server/http_client/http_endpoints.h"
#include "server/metadata/metadata_applier.h"
#include "server/net/tls.h"
#include "server/node/settings.h"

namespace server {

// Threads: any, once it is open. Owner: the node.
class NodeAccess final : private auth::UserDirectory {
 public:
  // Reads the access file and the certificates, and begins to fetch the keys of tokens. Fails with
  // InvalidParameter. `definitions` and `clock` outlive the result.
  static Result<std::unique_ptr<NodeAccess>> open(const NodeSettings::Security& settings,
                                                  MetadataApplier& definitions, const Clock& clock);

  const auth::Access& access() const { return *access_; }
  const TlsServer* tls() const { return tls_.get(); }  // null: no TLS
  // Reloads the access file and the certificates, logs the result, and fetches the keys of tokens
  // again.
  void reload();
  // Answers clients that wait for keys of tokens, and ends the fetches. Called before the front ends
  // stop.
  void stop();
  // Creates the first user, with the password in a file, unless this user exists. Call it once the definitions' thread
  // runs.
  Status make_superuser();

 private:
  NodeAccess(const NodeSettings::Security& settings, MetadataApplier& definitions)
      : settings_(settings), definitions_(definitions) {}
  std::optional<auth::Account> find(const std::string& user) const override;
  std::string secret() const override;
  bool may_insert(const std::string& user, const std::string& topic) const override;

  const NodeSettings::Security settings_;
  MetadataApplier& definitions_;
  std::unique_ptr<auth::oauth::TokenChecker> tokens_;  // null: clients have no tokens
  std::unique_ptr<auth::Access> access_;
  std::unique_ptr<TlsServer> tls_;
};

// Returns the first line of a file. Fails with InvalidParameter if this line is empty or missing.
Result<std::string> read_password(const std::string& path);

// Replaces the credentials in the endpoints' URLs by "name:password" from the first line of the file. An empty path
// changes nothing.
Status use_credentials(std::vector<HttpEndpoint>& endpoints, const std::string& path);

}  // namespace server
