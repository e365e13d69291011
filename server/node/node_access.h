// Who may come in, and by which certificates: wired for the front ends of one node.
#pragma once
#include <memory>
#include <string>

#include "server/auth/access.h"
#include "server/metadata/metadata_applier.h"
#include "server/net/tls.h"
#include "server/node/settings.h"

namespace server {

// Threads: any, once it is made. Owner: the node.
class NodeAccess final : private auth::UserDirectory {
 public:
  // Fails with InvalidParameter. The definitions outlive it.
  static Result<std::unique_ptr<NodeAccess>> open(const NodeSettings::Security& settings,
                                                  MetadataApplier& definitions);

  const auth::Access& access() const { return *access_; }
  const TlsServer* tls() const { return tls_.get(); }  // null: there is no TLS
  // The access file and the certificates, again. Says in the log what came of it.
  void reload();
  // The first user, whose password lies in a file, when it is not there yet. Once the definitions' thread runs.
  Status make_superuser();

 private:
  NodeAccess(const NodeSettings::Security& settings, MetadataApplier& definitions)
      : settings_(settings), definitions_(definitions) {}
  std::optional<auth::Account> find(const std::string& user) const override;
  std::string secret() const override;
  bool may_insert(const std::string& user, const std::string& topic) const override;

  const NodeSettings::Security settings_;
  MetadataApplier& definitions_;
  std::unique_ptr<auth::Access> access_;
  std::unique_ptr<TlsServer> tls_;
};

// The first line of a file. Fails with InvalidParameter where it is empty, or is not there.
Result<std::string> read_password(const std::string& path);

}  // namespace server
