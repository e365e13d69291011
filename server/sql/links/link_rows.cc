#include "server/sql/links/link_rows.h"

#include <fmt/format.h>

#include <utility>

#include "engine/system_tables/information_parts.h"

namespace server {

namespace {

using engine::InformationRow;
using engine::number_column;
using engine::text_column;
using engine::text_or_null;
using engine::Value;

engine::Schema links_schema() {
  return {{text_column("link"), text_column("state"), text_column("cluster"),
           number_column("brokers"), text_column("last error"), number_column("since_ms")}};
}

engine::Schema link_topics_schema() {
  return {{text_column("topic"), number_column("partitions"), number_column("replicas")}};
}

engine::Schema link_description_schema() {
  return {{text_column("property"), text_column("value")}};
}

}  // namespace

engine::Schema link_schema(const engine::Statement& statement) {
  if (std::holds_alternative<engine::DescribeLink>(statement)) return link_description_schema();
  const auto* show = std::get_if<engine::Show>(&statement);
  if (!show) return {};
  return show->kind == engine::ShowKind::Links ? links_schema() : link_topics_schema();
}

engine::InformationRows rows_of(const std::vector<LinkInfo>& links) {
  std::vector<InformationRow> rows;
  for (const LinkInfo& each : links)
    rows.push_back({Value::text(each.name), Value::text(std::string(link_state_name(each.state))),
                    text_or_null(each.cluster_id), Value::bigint(each.brokers),
                    text_or_null(each.last_error), Value::bigint(each.since_ms)});
  return engine::make_rows(links_schema(), rows);
}

engine::InformationRows rows_of(const std::vector<LinkTopic>& topics, bool shows_all,
                                const std::optional<std::string>& pattern) {
  std::vector<InformationRow> rows;
  for (const LinkTopic& each : topics)
    if ((shows_all || !each.is_internal) && (!pattern || is_like(each.name, *pattern)))
      rows.push_back(
          {Value::text(each.name), Value::bigint(each.partitions), Value::bigint(each.replicas)});
  return engine::make_rows(link_topics_schema(), rows);
}

engine::InformationRows description_of(const LinkInfo& link) {
  std::vector<InformationRow> rows;
  const auto add = [&](std::string name, std::string value) {
    if (!value.empty())
      rows.push_back({Value::text(std::move(name)), Value::text(std::move(value))});
  };
  add("link", link.name);
  add("state", std::string(link_state_name(link.state)));
  add("since_ms", fmt::to_string(link.since_ms));
  add("cluster", link.cluster_id);
  if (link.brokers > 0) add("brokers", fmt::to_string(link.brokers));
  add("owner", link.owner);
  add("last error", link.last_error);
  for (const auto& [name, value] : link.properties) add("property " + name, value);
  return engine::make_rows(link_description_schema(), rows);
}

std::string facts_text(const LinkFacts& facts) {
  const auto counted = [](int64_t count, std::string_view what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
  };
  return fmt::format("cluster {}, {}, {}; transactions: version {}; topic ids: {}",
                     facts.cluster_id.empty() ? "without an id" : facts.cluster_id,
                     counted(facts.brokers, "broker"), counted(facts.topics, "topic"),
                     facts.transaction_version, facts.has_topic_ids ? "yes" : "no");
}

bool is_like(std::string_view name, std::string_view pattern) {
  size_t at = 0, in_pattern = 0;
  // The position after the last % in the pattern, and the position in the name at which the rest of the pattern is
  // tried. If the rest does not match there, it is tried one character later.
  size_t after_percent = std::string_view::npos, begun_at = 0;
  while (at < name.size()) {
    if (in_pattern < pattern.size() && pattern[in_pattern] == '%') {
      after_percent = ++in_pattern;
      begun_at = at;
    } else if (in_pattern < pattern.size() &&
               (pattern[in_pattern] == '_' || pattern[in_pattern] == name[at])) {
      ++at;
      ++in_pattern;
    } else if (after_percent != std::string_view::npos) {
      in_pattern = after_percent;
      at = ++begun_at;
    } else {
      return false;
    }
  }
  while (in_pattern < pattern.size() && pattern[in_pattern] == '%') ++in_pattern;
  return in_pattern == pattern.size();
}

}  // namespace server
