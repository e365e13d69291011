#include "server/connect/connector_router.h"

#include <utility>

namespace server {
namespace {

constexpr char kOutsideClass[] = "com.acme.SnowflakeSinkConnector";

// Keeps connectors in memory, and answers before the call returns.
class FakeConnectors final : public Connectors {
 public:
  std::map<std::string, ConnectorInfo> kept;
  std::string place;
  bool is_down = false;

  explicit FakeConnectors(std::string where) : place(std::move(where)) {}

  template <class T>
  bool refuses(const Done<T>& done) const {
    if (is_down) done(Error{ErrorCode::NetworkFailure, place + " does not answer"});
    return is_down;
  }
  void create(ConnectorDefinition definition, Done<CreatedConnector> done) override {
    if (refuses(done)) return;
    ConnectorInfo info;
    info.name = definition.name;
    info.config = definition.config;
    info.class_name = definition.config["connector.class"];
    info.runs_at = place;
    const bool is_new = !kept.contains(info.name);
    kept[info.name] = info;
    done(CreatedConnector{.info = info, .is_new = is_new, .notices = {}});
  }
  void alter(std::string name, ConnectorConfig config, Done<CreatedConnector> done) override {
    kept[name].config = std::move(config);
    done(CreatedConnector{.info = kept[name], .is_new = false, .notices = {}});
  }
  void change(std::string name, ConfigChanges changes, Done<CreatedConnector> done) override {
    for (const auto& [property, value] : changes)
      if (value)
        kept[name].config[property] = *value;
      else
        kept[name].config.erase(property);
    done(CreatedConnector{.info = kept[name], .is_new = false, .notices = {}});
  }
  void drop(std::string name, Done<std::vector<ConnectorNotice>> done) override {
    if (kept.erase(name) == 0) return done(missing());
    done(std::vector<ConnectorNotice>());
  }
  void set_state(std::string, TargetState, Done<void> done) override { done({}); }
  void restart(std::string name, Restart, Done<ConnectorInfo> done) override {
    describe(name, done);
  }
  void restart_task(std::string, int32_t, Done<void> done) override { done({}); }
  void list(Done<Listed<ConnectorInfo>> done) override {
    if (refuses(done)) return;
    Listed<ConnectorInfo> listed;
    for (const auto& [name, info] : kept) listed.items.push_back(info);
    done(std::move(listed));
  }
  void describe(std::string name, Done<ConnectorInfo> done) override {
    if (refuses(done)) return;
    if (!kept.contains(name)) return done(missing());
    done(kept[name]);
  }
  void tasks(std::string, Done<Listed<TaskProgress>> done) override {
    done(Listed<TaskProgress>());
  }
  void reset_topics(std::string, Done<void> done) override { done({}); }
  void offsets(std::string, Done<std::vector<ConnectorOffset>> done) override {
    done(std::vector<ConnectorOffset>());
  }
  void alter_offsets(std::string, std::vector<ConnectorOffset>, Done<std::string> done) override {
    done(std::string());
  }
  void reset_offsets(std::string, Done<std::string> done) override { done(std::string()); }
  void snapshot(std::string, std::vector<std::string>, Done<void> done) override { done({}); }
  void set_owner(std::string, std::string, Done<void> done) override { done({}); }
  void validate(ConnectorDefinition, Done<CheckedConfig> done) override { done(CheckedConfig()); }
  void plugins(bool, Done<Listed<ConnectorPlugin>> done) override {
    done(Listed<ConnectorPlugin>{{{place + ".Class", "source", "1", place}}, {}});
  }
  void plugin_properties(std::string, Done<std::vector<PropertyDefinition>> done) override {
    done(std::vector<PropertyDefinition>());
  }

 private:
  Error missing() const { return {ErrorCode::UndefinedObject, "no such connector at " + place}; }
};

template <class T>
struct Answer {
  std::optional<Result<T>> result;
  Connectors::Done<T> done() {
    return [this](Result<T> answer) { result.emplace(std::move(answer)); };
  }
};

ConnectorDefinition definition(std::string name, ConnectorConfig config) {
  ConnectorDefinition made;
  made.name = std::move(name);
  made.config = std::move(config);
  return made;
}

Result<CreatedConnector> created(Connectors& at, ConnectorDefinition what) {
  Answer<CreatedConnector> answer;
  at.create(std::move(what), answer.done());
  return *answer.result;
}

TEST(ConnectorRouter, a_class_that_is_not_built_in_is_created_outside) {
  FakeConnectors outside("http://connect:8083");
  ConnectorRouter router(nullptr, &outside);
  const auto made =
      created(router, definition("c", {{"connector.class", kOutsideClass}, {"runs", "outside"}}));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->info.runs_at, "http://connect:8083");
  EXPECT_FALSE(outside.kept.at("c").config.contains("runs"));  // a worker would warn about it
}

TEST(ConnectorRouter, without_an_outside_cluster_the_error_names_the_setting) {
  ConnectorRouter router(nullptr, nullptr);
  const auto made = created(router, definition("c", {{"connector.class", kOutsideClass}}));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().message, std::string("class ") + kOutsideClass + " is not built in");
  EXPECT_NE(made.error().hint.find("--connect-url"), std::string::npos);
  const auto asked =
      created(router, definition("c", {{"connector.class", kOutsideClass}, {"runs", "outside"}}));
  EXPECT_NE(asked.error().hint.find("--connect-url"), std::string::npos);
  EXPECT_FALSE(created(router, definition("c", {})));
  EXPECT_FALSE(
      created(router, definition("c", {{"connector.class", kOutsideClass}, {"runs", "here"}})));
}

TEST(ConnectorRouter, a_refused_class_runs_outside_only_if_the_statement_asks_for_it) {
  FakeConnectors outside("outside");
  ConnectorRouter router(nullptr, &outside);
  const std::string polling = "io.confluent.connect.jdbc.JdbcSourceConnector";
  EXPECT_FALSE(created(router, definition("c", {{"connector.class", polling}})));
  EXPECT_TRUE(
      created(router, definition("c", {{"connector.class", polling}, {"runs", "outside"}})));
  // A class with a short name can only run in this server.
  EXPECT_FALSE(created(router, definition("d", {{"connector.class", "s3"}, {"runs", "outside"}})));
}

TEST(ConnectorRouter, the_word_of_the_statement_must_be_the_type_of_the_class) {
  FakeConnectors outside("outside");
  ConnectorRouter router(nullptr, &outside);
  auto sink = definition("c", {{"connector.class", "FileStreamSource"}});
  sink.type = engine::ConnectorType::Sink;
  const auto made = created(router, sink);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().hint, "Use CREATE SOURCE CONNECTOR.");
}

TEST(ConnectorRouter, names_are_unique_over_both_places) {
  FakeConnectors here("millrace"), outside("outside");
  ConnectorRouter router(&here, &outside);
  here.kept["c"].name = "c";
  auto again = definition("c", {{"connector.class", kOutsideClass}});
  EXPECT_EQ(created(router, again).error().code, ErrorCode::DuplicateObject);
  EXPECT_TRUE(outside.kept.empty());
  again.if_exists = IfConnectorExists::Keep;
  EXPECT_FALSE(created(router, again)->is_new);
  again.if_exists = IfConnectorExists::Replace;
  EXPECT_EQ(created(router, again).error().code, ErrorCode::DuplicateObject);
}

TEST(ConnectorRouter, operations_reach_the_place_that_has_the_connector) {
  FakeConnectors here("millrace"), outside("outside");
  ConnectorRouter router(&here, &outside);
  outside.kept["c"].name = "c";
  Answer<std::vector<ConnectorNotice>> dropped;
  router.drop("c", dropped.done());
  EXPECT_TRUE(*dropped.result);
  EXPECT_TRUE(outside.kept.empty());
  Answer<ConnectorInfo> missing;
  router.describe("c", missing.done());
  EXPECT_EQ(missing.result->error().code, ErrorCode::UndefinedObject);
}

TEST(ConnectorRouter, a_list_shows_this_server_while_the_outside_cluster_is_down) {
  FakeConnectors here("millrace"), outside("outside");
  ConnectorRouter router(&here, &outside);
  here.kept["b"].name = "b";
  outside.kept["a"].name = "a";
  Answer<Listed<ConnectorInfo>> both, one;
  router.list(both.done());
  ASSERT_EQ((*both.result)->items.size(), 2u);
  EXPECT_EQ((*both.result)->items[0].name, "a");
  outside.is_down = true;
  router.list(one.done());
  EXPECT_EQ((*one.result)->items.size(), 1u);
  ASSERT_EQ((*one.result)->notices.size(), 1u);
  EXPECT_EQ((*one.result)->notices[0].message, "outside does not answer");
}

TEST(ConnectorRouter, a_hidden_secret_that_a_client_sends_back_keeps_its_value) {
  FakeConnectors outside("outside");
  ConnectorRouter router(nullptr, &outside);
  const ConnectorConfig config = {
      {"connector.class", kOutsideClass}, {"db.password", "s3cret"}, {"url", "http://u:pw@h/x"}};
  const auto made = created(router, definition("c", config));
  ASSERT_EQ(made->notices.size(), 1u);
  EXPECT_TRUE(made->notices[0].is_warning);
  EXPECT_EQ(made->info.config.at("db.password"), "[hidden]");
  Answer<ConnectorInfo> shown;
  router.describe("c", shown.done());
  ConnectorConfig next = (*shown.result)->config;
  EXPECT_EQ(next.at("db.password"), "[hidden]");
  next["batch.size"] = "7";
  auto replaced = definition("c", next);
  replaced.if_exists = IfConnectorExists::Replace;
  ASSERT_TRUE(created(router, replaced));
  EXPECT_EQ(outside.kept["c"].config.at("db.password"), "s3cret");
  EXPECT_EQ(outside.kept["c"].config.at("url"), "http://u:pw@h/x");
  EXPECT_EQ(outside.kept["c"].config.at("batch.size"), "7");
  Answer<CreatedConnector> changed;
  router.change("c", {{"db.password", "[hidden]"}, {"batch.size", std::nullopt}}, changed.done());
  EXPECT_EQ(outside.kept["c"].config.at("db.password"), "s3cret");
  EXPECT_FALSE(outside.kept["c"].config.contains("batch.size"));
  // The stored password belongs to another host, so it must not be sent to the new one. The change
  // must fail, and not be ignored.
  Answer<CreatedConnector> moved;
  router.change("c", {{"url", "http://u:[hidden]@g/x"}}, moved.done());
  ASSERT_FALSE(*moved.result);
  EXPECT_EQ(moved.result->error().code, ErrorCode::InvalidParameter);
  EXPECT_EQ(outside.kept["c"].config.at("url"), "http://u:pw@h/x");
  // "[hidden]" stands for a stored secret, so a new connector cannot have it as a value.
  auto other = definition("d", {{"connector.class", kOutsideClass}, {"db.password", "[hidden]"}});
  other.if_exists = IfConnectorExists::Replace;
  EXPECT_FALSE(created(router, other));
}

}  // namespace
}  // namespace server
