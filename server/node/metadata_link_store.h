// The links in the metadata of the server.
#pragma once
#include <functional>
#include <memory>

#include "server/links/link_store.h"
#include "server/metadata/metadata_applier.h"

namespace server {

// Threads: any. Owner: the node.
class MetadataLinkStore final : public LinkStore {
 public:
  explicit MetadataLinkStore(MetadataApplier& definitions) : definitions_(definitions) {}
  std::shared_ptr<const storage::LinkTable> links() const override {
    return definitions_.image()->links;
  }
  void submit(Change change, std::function<void(Status)> done) override {
    definitions_.submit(MetadataApplier::LinksChange(std::move(change)), std::move(done));
  }

 private:
  MetadataApplier& definitions_;
};

}  // namespace server
