#include "server/sql/dry_run.h"

#include <utility>
#include <variant>

#include "engine/catalog/statement_settings.h"
#include "engine/functions/session_zone.h"
#include "engine/system_tables/information.h"
#include "server/metadata/apply_command.h"
#include "server/metadata/cluster_limits.h"
#include "server/metadata/metadata_applier.h"
#include "server/metadata/plan_definition.h"
#include "server/sql/planner.h"
#include "server/sql/serial/fixed_defaults.h"

namespace server {

namespace {

// The result of a statement that cannot be tried, because an external schema registry would have to
// be asked.
struct Unknown {};

class Sandbox {
 public:
  explicit Sandbox(DryRun& run) : run_(run), image_(run.parts.definitions.image()) {
    for (const auto& [name, topic] : image_->topics->by_name())
      (void)topics_.apply(storage::encode_create_topic(topic));
  }

  std::variant<Status, Unknown> try_statement(
      const std::shared_ptr<const engine::ParsedStatement>& statement,
      const std::atomic<bool>& is_cancelled) {
    if (const auto own = try_setting(statement->statement)) return *own;
    if (engine::is_information_statement(statement->statement)) return Status();
    const engine::Properties properties =
        properties_of(run_.settings, *image_, run_.parts.settings.engine.ksqldb_compat);
    Planner planner(run_.parts.clock, run_.parts.settings, image_, properties, &run_.parts.memory,
                    run_.asker);
    planner.use(run_.parts.serials, nullptr);
    planner.watch(is_cancelled);
    auto prepared = planner.prepare(statement, {});
    if (!prepared) return Status(std::move(prepared).error());
    if (!is_definition(statement->statement)) return Status();
    if (const auto* create = std::get_if<engine::CreateSource>(&statement->statement))
      if (Status fine = planner.check_defaults(create->elements); !fine) return fine;
    return define(
        *with_fixed_defaults(statement, *image_->catalog, engine::session_forms(properties)),
        properties);
  }

 private:
  // Applies SET and similar statements, which affect the statements after them. Returns nothing for
  // any other statement.
  std::optional<Status> try_setting(const engine::Statement& statement) {
    sql::SessionSettings& settings = run_.settings;
    if (const auto* set = std::get_if<engine::SetProperty>(&statement)) {
      const std::string name = sql::SessionSettings::spelling(set->name);
      Status known = engine::check_property(name, set->value, sql::SessionSettings::known_names());
      return known ? settings.set(name, set->value) : std::move(known);
    }
    if (const auto* unset = std::get_if<engine::UnsetProperty>(&statement))
      return settings.reset(sql::SessionSettings::spelling(unset->name));
    if (std::holds_alternative<engine::DefineVariable>(statement) ||
        std::holds_alternative<engine::UndefineVariable>(statement))
      return Status();
    return std::nullopt;
  }

  std::variant<Status, Unknown> define(const engine::ParsedStatement& statement,
                                       const engine::Properties& properties) {
    const ClusterFacts& facts = run_.parts.definitions.facts();
    if (Status fine = check_supported(statement, false, facts, storage::kNewestLevel); !fine)
      return fine;
    const engine::OutsideSchemas nothing_known;
    const DefinitionSources sources{
        .new_id = Uuid::random,
        .end_of = [](const Uuid&, PartitionId) { return Offset(0); },
        .outside = run_.parts.definitions.outside_registry() ? &nothing_known : nullptr,
        .facts = facts};
    auto planned = plan_definition(statement, *image_, run_.parts.definitions.settings(),
                                   properties, sources, run_.asker);
    if (!planned) return Status(std::move(planned).error());
    if (!planned->questions.empty()) return Unknown();
    if (planned->is_nothing) return Status();
    auto changed = apply_command(
        *image_, topics_,
        read_definitions(Revision(image_->revision.value() + 1), std::move(planned->command)));
    if (!changed) return Status(std::move(changed).error());
    image_ = std::move(changed->next);
    return Status();
  }

  DryRun& run_;
  MetadataImagePtr image_;
  storage::TopicTable topics_;
};

}  // namespace

std::optional<sql::SessionBackend::Rejection> run_dry(DryRun run,
                                                      const std::atomic<bool>& is_cancelled) {
  Sandbox sandbox(run);
  for (size_t i = 0; i < run.statements.size() && !is_cancelled; ++i) {
    auto tried = sandbox.try_statement(run.statements[i], is_cancelled);
    auto* status = std::get_if<Status>(&tried);
    if (!status) return std::nullopt;
    if (!*status) return sql::SessionBackend::Rejection{i, std::move(*status).error()};
  }
  return std::nullopt;
}

}  // namespace server
