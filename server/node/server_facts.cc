#include "server/node/server_facts.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <fstream>
#include <string_view>

namespace server {

namespace {

using Facts = std::vector<engine::ServerFact>;

// Reads the lines of /proc/self/status with these names; their values are in kilobytes.
void add_process_memory(Facts& facts) {
  std::ifstream status("/proc/self/status");
  for (std::string name; status >> name;) {
    int64_t kilobytes = 0;
    if (name == "VmRSS:" && status >> kilobytes)
      facts.push_back({"memory", "resident bytes", fmt::to_string(kilobytes * 1024)});
    else if (name == "RssAnon:" && status >> kilobytes)
      facts.push_back({"memory", "anonymous bytes", fmt::to_string(kilobytes * 1024)});
    status.ignore(1 << 12, '\n');
  }
}

// Adds the durations for which a single piece of work has blocked all other work on its loop.
void add_loops(Facts& facts, const std::vector<LoopFacts>& loops) {
  const auto ms = [](int64_t us) { return fmt::format("{:.1f}", static_cast<double>(us) / 1000); };
  for (const LoopFacts& loop : loops) {
    facts.push_back({"loops", loop.name + " slice p99 ms", ms(loop.since_last.p99_us)});
    facts.push_back({"loops", loop.name + " slice max ms", ms(loop.since_last.max_us)});
    facts.push_back({"loops", loop.name + " longest slice ms", ms(loop.longest_us)});
  }
}

// Adds the limit that memory-limit sets, and the bytes that each kind of memory takes.
void add_budget(Facts& facts, const MemoryBudget& memory) {
  facts.push_back({"memory", "limit bytes", fmt::to_string(memory.limit_bytes())});
  facts.push_back({"memory", "held bytes", fmt::to_string(memory.held_bytes())});
  for (size_t kind = 0; kind < static_cast<size_t>(MemoryKind::kCount); ++kind)
    facts.push_back({"memory", fmt::format("{} bytes", name(static_cast<MemoryKind>(kind))),
                     fmt::to_string(memory.held_bytes(static_cast<MemoryKind>(kind)))});
}

// Adds facts that show whether the disk is fast enough. A queue that does not shrink means that the
// log cannot write as fast as records arrive.
void add_log(Facts& facts, const storage::LogStatistics& log,
             const std::vector<HeldBackFacts>& held_back) {
  facts.push_back({"log", "partitions", fmt::to_string(log.partitions)});
  facts.push_back({"log", "topic partitions", fmt::to_string(log.topic_partitions)});
  facts.push_back({"log", "topic partitions limit", fmt::to_string(log.max_topic_partitions)});
  facts.push_back({"log", "commits", fmt::to_string(log.commits)});
  facts.push_back({"log", "commits per second", fmt::to_string(log.commits_per_second)});
  facts.push_back({"log", "queued requests", fmt::to_string(log.queued_requests)});
  facts.push_back({"log", "queued bytes", fmt::to_string(log.queued_bytes)});
  facts.push_back({"log", "removals in progress", fmt::to_string(log.pending_removals)});
  for (const HeldBackFacts& each : held_back)
    facts.push_back({"log", fmt::format("records of {} kept for {}", each.topic, each.query_id),
                     fmt::to_string(each.records)});
}

// Adds the disk space that a file occupies, because the files are sparse and their length is
// larger.
void add_file(Facts& facts, const std::string& data_dir, std::string_view section,
              std::string_view file) {
  struct stat found;
  if (stat(fmt::format("{}/{}", data_dir, file).c_str(), &found) != 0) return;
  constexpr int64_t kStatBlock = 512;  // independent of the file system's block size
  facts.push_back(
      {std::string(section), "bytes on disk", fmt::to_string(found.st_blocks * kStatBlock)});
}

void add_disk(Facts& facts, const std::string& data_dir, const storage::LogStatistics& log) {
  facts.push_back({"disk", "reserve bytes", fmt::to_string(log.reserve_bytes)});
  facts.push_back({"disk", "appends", log.refuses_appends ? "refused" : "accepted"});
  struct statvfs disk;
  if (statvfs(data_dir.c_str(), &disk) != 0) return;
  facts.push_back({"disk", "free bytes", fmt::to_string(uint64_t{disk.f_bavail} * disk.f_frsize)});
  facts.push_back({"disk", "total bytes", fmt::to_string(uint64_t{disk.f_blocks} * disk.f_frsize)});
}

}  // namespace

Facts server_facts(const ServerFactSources& sources) {
  constexpr int64_t kSecondUs = 1'000'000;
  Facts facts;
  const int64_t uptime = (sources.clock.monotonic_us() - sources.started_us) / kSecondUs;
  facts.push_back({"server", "version", MILLRACE_VERSION});
  facts.push_back({"server", "process id", fmt::to_string(getpid())});
  facts.push_back({"server", "uptime seconds", fmt::to_string(uptime)});
  facts.push_back({"server", "data directory", sources.data_dir});
  facts.push_back({"server", "shards", fmt::to_string(sources.loops.size())});
  const engine::Catalog& catalog = *sources.image.catalog;
  facts.push_back({"metadata", "revision", fmt::to_string(sources.image.revision.value())});
  facts.push_back({"metadata", "streams and tables", fmt::to_string(catalog.sources().size())});
  facts.push_back({"metadata", "queries", fmt::to_string(sources.image.queries().size())});
  facts.push_back({"metadata", "topics", fmt::to_string(sources.image.topics->by_name().size())});
  for (const std::string& definition : sources.image.left_out)
    facts.push_back({"metadata", "definition ignored", definition});
  facts.push_back({"connections", "pg", fmt::to_string(sources.pg_connections)});
  facts.push_back({"connections", "kafka", fmt::to_string(sources.kafka_connections)});
  facts.push_back({"connections", "http", fmt::to_string(sources.http_connections)});
  add_loops(facts, sources.loops);
  add_budget(facts, sources.memory);
  add_process_memory(facts);
  add_log(facts, sources.log, sources.held_back);
  add_file(facts, sources.data_dir, "log", "log.mdb");
  add_file(facts, sources.data_dir, "state", "state.mdb");
  add_disk(facts, sources.data_dir, sources.log);
  return facts;
}

}  // namespace server
