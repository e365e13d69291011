// CREATE STREAM and CREATE TABLE without AS: from the statement to what the catalog gets.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/plan/plan.h"
#include "engine/plan/source_properties.h"
#include "engine/registry/registrar.h"
#include "engine/sql/ast.h"

namespace engine {

struct NewSource {
  // nullptr: IF NOT EXISTS, and there is one. With OR REPLACE it takes the place of the old one.
  std::shared_ptr<const DataSource> source;
  std::optional<TopicDescription> new_topic;  // to be made first; its id is not set
  // Of a generated one: what writes it, under the id of the one that is there where that is replaced.
  std::optional<QueryPlan> generator = {};
  std::vector<std::string> notices;
};

using TopicCheck = std::function<Status(const std::string& topic)>;

// Fails when the statement cannot be carried out as it stands; nothing is changed here.
// `properties` are the session's settings. `registrar` knows the schemas of topics, whence columns come that
// are not declared, and takes those that are new; without it no topic has one.
// `may_declare` is asked before anything about an existing topic shows in a column, a notice or an
// error; null: every topic may be declared.
Result<NewSource> plan_create_source(const CreateSource& create, const ParsedStatement& statement,
                                     const Catalog& catalog, const Topics& topics,
                                     const EngineSettings& settings, const Properties& properties,
                                     Registrar* registrar = nullptr,
                                     const TopicCheck* may_declare = nullptr);

// The topic of a statement that names none.
std::string default_topic_name(std::string_view source, const EngineSettings& settings);

// What a new topic for such a source is configured with (retention.ms, cleanup.policy).
Properties topic_config(SourceKind kind, bool is_windowed, std::optional<int64_t> retention_ms);

// The column that TIMESTAMP names, checked against the schema. None when the statement names none.
Result<std::optional<TimestampColumn>> find_timestamp_column(const SourceProperties& properties,
                                                             const Schema& schema);

// With PostgreSQL's SERIAL for what it stands; a type of the user's own of that name comes first.
std::vector<TableElement> with_serials(std::vector<TableElement> elements,
                                       const CustomTypes& types);

// "stream" or "table", for messages.
std::string_view kind_word(SourceKind kind);

}  // namespace engine
