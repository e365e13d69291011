// Simulates a cluster in one process from a seed: sim SEED [--count N] [--without RULE] [--verbose]
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "base/log.h"
#include "tests/sim/scenario.h"

namespace {

struct Rule {
  std::string_view name;
  void (*switch_off)(sim::Rules& rules);
};
using Rules = sim::Rules;
constexpr Rule kRules[] = {
    {"truncation", [](Rules& rules) { rules.replicas.truncates = false; }},
    {"synced", [](Rules& rules) { rules.replicas.acknowledges_synced = false; }},
    {"shrink", [](Rules& rules) { rules.replicas.shrinks_when_committed = false; }},
    {"proposed", [](Rules& rules) { rules.replicas.counts_proposed = false; }},
    {"min-isr", [](Rules& rules) { rules.replicas.needs_min_isr = false; }},
    {"join", [](Rules& rules) { rules.replicas.joins_caught_up = false; }},
    {"node-epochs",
     [](Rules& rules) {
       rules.replicas.checks_node_epochs = rules.controller.checks_node_epochs = false;
     }},
    {"isr-election", [](Rules& rules) { rules.controller.elects_from_isr = false; }},
    {"new-replicas", [](Rules& rules) { rules.controller.waits_for_new_replicas = false; }},
    {"moved-epochs", [](Rules& rules) { rules.controller.raises_epoch_of_moved = false; }},
    {"versions", [](Rules& rules) { rules.controller.checks_versions = false; }},
    {"epoch-start", [](Rules& rules) { rules.journals.waits_for_epoch_start = false; }},
    {"outbox", [](Rules& rules) { rules.journals.sends_again = false; }},
    {"committed-outputs", [](Rules& rules) { rules.journals.sends_what_is_committed = false; }},
    {"visible-outputs", [](Rules& rules) { rules.journals.counts_what_is_visible = false; }},
    {"whole-snapshots", [](Rules& rules) { rules.journals.trims_behind_whole = false; }},
    {"trimmed-outbox", [](Rules& rules) { rules.journals.keeps_undelivered = false; }},
    {"snapshot-place", [](Rules& rules) { rules.journals.goes_on_at_its_place = false; }},
    {"snapshot-restore", [](Rules& rules) { rules.tasks_here.restores_snapshots = false; }},
    {"carried-out", [](Rules& rules) { rules.tasks_here.carries_out_first = false; }},
    {"controller-fencing", [](Rules& rules) { rules.fences_controllers = false; }},
    {"decided-first",
     [](Rules& rules) { rules.transactions_here.coordinators.ends_at_once = true; }},
    {"markers-again",
     [](Rules& rules) { rules.transactions_here.coordinators.tells_again = false; }},
    {"markers-once", [](Rules& rules) { rules.transactions.takes_markers_once = false; }},
    {"verification", [](Rules& rules) { rules.transactions_here.verifies = false; }},
    {"rows-once", [](Rules& rules) { rules.appends.sends_the_same = false; }},
    {"unchanged", [](Rules& rules) { rules.appends.looks_at_conditions = false; }},
    {"ends-confirmed", [](Rules& rules) { rules.ends.asks_others = false; }},
    {"ends-of-metadata", [](Rules& rules) { rules.ends.asks_metadata = false; }},
    {"ends-of-before", [](Rules& rules) { rules.ends.waits_for_own_begin = false; }},
    {"behind-pointer", [](Rules& rules) { rules.cuts.removes_behind_pointer = false; }},
    {"pointer-fencing", [](Rules& rules) { rules.cuts.fences_pointer = false; }},
    {"behind-etcd", [](Rules& rules) { rules.controller.fences_who_is_behind = false; }},
    {"full-disks", [](Rules& rules) { rules.controller.spares_full_disks = false; }},
    {"out-of-touch", [](Rules& rules) { rules.controller.heeds_who_is_out_of_touch = false; }},
    {"guards", [](Rules& rules) { rules.transactions_here.guards = false; }},
    {"confirmed", [](Rules& rules) { rules.transactions_here.confirms = false; }},
    {"commits-add-first", [](Rules& rules) { rules.commits.adds_first = false; }},
    {"commits-whole", [](Rules& rules) { rules.commits.needs_all = false; }},
    {"ends-of-acknowledged", [](Rules& rules) { rules.ends.waits_for_acknowledged = false; }},
    {"commits-visible", [](Rules& rules) { rules.commits.waits_until_told = false; }},
    {"lone-outputs", [](Rules& rules) { rules.lone.appends_outputs_with_entry = false; }},
    {"lone-checkpoint", [](Rules& rules) { rules.lone.trims_after_checkpoint = false; }},
};

const Rule* find_rule(std::string_view name) {
  for (const Rule& rule : kRules)
    if (rule.name == name) return &rule;
  return nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"simulates a cluster; the same seed repeats the same run"};
  sim::Options options;
  uint64_t count = 1;
  std::string without;
  app.add_option("seed", options.seed, "seed of the first run")->required();
  app.add_option("--count", count, "number of runs; each has the next seed");
  app.add_option("--without", without, "rule of replication to switch off");
  app.add_flag("--verbose", options.is_verbose, "prints the events");
  bool shows_rules = false;
  app.add_flag("--rules", shows_rules, "lists the rules and exits");
  CLI11_PARSE(app, argc, argv);
  if (shows_rules) {
    for (const Rule& rule : kRules) fmt::print("{}\n", rule.name);
    return 0;
  }
  if (!without.empty()) {
    const Rule* rule = find_rule(without);
    if (rule == nullptr) {
      fmt::print(stderr, "no rule is named {}; the rules are:", without);
      for (const Rule& each : kRules) fmt::print(stderr, " {}", each.name);
      fmt::print(stderr, "\n");
      return 2;
    }
    rule->switch_off(options.rules);
  }
  set_log_level(options.is_verbose ? LogLevel::Info : LogLevel::Error);

  uint64_t failed = 0;
  size_t acknowledged = 0, committed = 0, snapshots = 0, trimmed = 0, lone_commits = 0;
  for (const uint64_t end = options.seed + count; options.seed < end; ++options.seed) {
    const sim::Outcome outcome = sim::run(options);
    acknowledged += outcome.acknowledged;
    committed += outcome.committed;
    snapshots += outcome.snapshots;
    trimmed += outcome.trimmed;
    lone_commits += outcome.lone.committed;
    if (count == 1)
      fmt::print(
          "seed {} digest {:016x} acknowledged {} visible {} committed {}, alone: digest {:016x} "
          "committed {} restarts {} checkpoints {}\n",
          options.seed, outcome.digest, outcome.acknowledged, outcome.visible, outcome.committed,
          outcome.lone.digest, outcome.lone.committed, outcome.lone.restarts, outcome.lone.trimmed);
    if (outcome.findings.empty()) continue;
    ++failed;
    for (const std::string& finding : outcome.findings)
      fmt::print("seed {} {}\n", options.seed, finding);
    std::fflush(stdout);
    if (!without.empty()) break;  // stops at the first failing seed
  }
  fmt::print(
      "{} records acknowledged, {} transactions committed, {} snapshots of the metadata, {} "
      "records of journals trimmed, {} commits of lone nodes\n"
      "{} passed, {} failed, 0 skipped\n",
      acknowledged, committed, snapshots, trimmed, lone_commits, count - failed, failed);
  return failed == 0 ? 0 : 1;
}
