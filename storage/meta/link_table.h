// The definitions of links: a pure state machine over the "links" parts of the metadata log. A link is a named
// connection to another Kafka cluster; its properties are those of Kafka's clients.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/uuid.h"

namespace storage {

// A "links" part of a metadata command or snapshot.
inline constexpr std::string_view kLinksPart = "links";
inline constexpr size_t kMostLinks = 32;

struct LinkDefinition {
  std::string name;        // case is significant
  Uuid id;                 // a link that is replaced, or dropped and created again, has another id
  std::string owner = {};  // the role that created the link; empty: no users exist
  // Secrets are references to files or to variables of the environment, and are stored as they were written.
  std::map<std::string, std::string> properties = {};
  bool operator==(const LinkDefinition&) const = default;
};
using LinkDefinitionPtr = std::shared_ptr<const LinkDefinition>;
// All links, by name.
using LinkTable = std::map<std::string, LinkDefinitionPtr, std::less<>>;

struct LinkChange {
  std::string name;
  LinkDefinitionPtr put;  // null: the link is dropped
};

std::string encode_link_changes(const std::vector<LinkChange>& changes);
// Returns the links after the changes. Fails with IncompatibleFormat, StorageFailure or LimitExceeded, in the same way
// on all nodes.
Result<LinkTable> apply_link_changes(const LinkTable& now, std::string_view part);
// Encodes all links, as changes to an empty state.
std::string encode_links(const LinkTable& all);

}  // namespace storage
