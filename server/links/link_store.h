// The interface through which links are stored: the definitions of links in the metadata of the server.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "storage/meta/link_table.h"

namespace server {

// Threads: any. Owner: the node, or a test; it outlives the links.
class LinkStore {
 public:
  virtual ~LinkStore() = default;
  virtual std::shared_ptr<const storage::LinkTable> links() const = 0;
  // Computes changes from the links at the time when the function runs, and stores them. The function may run again if
  // another change was stored first. `done` is called once, on another thread or within the call, when the changes are
  // durable and links() contains them.
  using Change = std::function<Result<std::vector<storage::LinkChange>>(const storage::LinkTable&)>;
  virtual void submit(Change change, std::function<void(Status)> done) = 0;
};

}  // namespace server
