// The names that an error may propose: those of the relations, queries and topics that the session may see. Code that
// searches similar names ("Did you mean ...?") takes its candidates from here, so that an error never shows a hidden
// name.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/catalog/catalog.h"

namespace engine {

// Returns whether the session may see the names of a topic, and of the relations over this topic.
using MaySeeTopic = std::function<bool(const std::string& topic)>;

// As long as this object exists, the functions below use its rule on this thread. It is not a part of PlanContext,
// because errors about unknown names are also made by functions that receive only a catalog. A scope with an empty rule
// makes all names visible.
class VisibleNamesInUse {
 public:
  explicit VisibleNamesInUse(MaySeeTopic may_see);
  ~VisibleNamesInUse();
  VisibleNamesInUse(const VisibleNamesInUse&) = delete;
  VisibleNamesInUse& operator=(const VisibleNamesInUse&) = delete;

 private:
  const MaySeeTopic may_see_;
  const MaySeeTopic* const before_;
};

bool is_visible_topic(const std::string& topic);
bool is_visible(const DataSource& source);
// A query is visible with the relation that it writes. A query that writes none is visible with all of its sources.
bool is_visible(const PersistentQuery& query, const Catalog& catalog);

// Return the visible names, in order.
std::vector<std::string> visible_sources(const Catalog& catalog,
                                         std::optional<SourceKind> kind = std::nullopt);
std::vector<std::string> visible_queries(const Catalog& catalog);
std::vector<std::string> visible_topics(const Topics& topics);

}  // namespace engine
