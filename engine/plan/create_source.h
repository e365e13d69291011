// Plans CREATE STREAM and CREATE TABLE without AS: converts the statement to an entry of the catalog.
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
  // Null if IF NOT EXISTS has found an existing source. With OR REPLACE, this source replaces the old one.
  std::shared_ptr<const DataSource> source;
  std::optional<TopicDescription> new_topic;  // must be created first; its id is not set
  // For a generated source: the query that writes its rows. A query that replaces another keeps the id of the old
  // query.
  std::optional<QueryPlan> generator = {};
  std::vector<std::string> notices;
};

using TopicCheck = std::function<Status(const std::string& topic)>;

// Plans the statement; changes nothing. Fails if the statement cannot be executed. `properties` are
// the session's settings. `registrar` has the schemas of topics, from which columns are taken if
// the statement declares none, and registers new schemas; without it no topic has a schema.
// `may_declare` is called for an existing topic before any column, notice or error reveals
// something about it; null: every topic may be declared.
Result<NewSource> plan_create_source(const CreateSource& create, const ParsedStatement& statement,
                                     const Catalog& catalog, const Topics& topics,
                                     const EngineSettings& settings, const Properties& properties,
                                     Registrar* registrar = nullptr,
                                     const TopicCheck* may_declare = nullptr);

// Returns a notice for a pattern of dates that probably means something else: one that mixes Java's letters Y (the
// week-based year) and D (the day of the year) with the month, because SQL's templates write YYYY-MM-DD for a calendar
// date, and one with h (the hour from 1 to 12) without a (AM or PM).
std::optional<std::string> unusual_letters(std::string_view pattern);

// Returns the topic name for a statement that names no topic.
std::string default_topic_name(std::string_view source, const EngineSettings& settings);

// Returns the settings of the topic of a new source (retention.ms, cleanup.policy).
Properties topic_config(SourceKind kind, bool is_windowed, std::optional<int64_t> retention_ms);

// Returns the column that TIMESTAMP names, checked against the schema; nullopt if the statement names none.
Result<std::optional<TimestampColumn>> find_timestamp_column(const SourceProperties& properties,
                                                             const Schema& schema);

// Replaces PostgreSQL's SERIAL types by the integer types and properties that they stand for. A user-defined type
// with the same name takes precedence.
std::vector<TableElement> with_serials(std::vector<TableElement> elements,
                                       const CustomTypes& types);

// Returns "stream" or "table", for messages.
std::string_view kind_word(SourceKind kind);

}  // namespace engine
