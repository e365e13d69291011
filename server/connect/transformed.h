// Applies the transforms of a connector to records of a source or a sink.
#pragma once
#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/connect/transforms/transform_chain.h"
#include "server/connect/ports.h"

namespace server {

// Applies the transforms to the records. Removes records that the transforms drop. Removes and
// returns records for which a transform fails; the messages of their errors begin with their place.
//
// `parts_of(record)` returns the parts of the record that transforms see in addition to key, value and
// headers. `place_of(record)` returns the place of the record for messages. `keep(record, changed)` copies
// to the record the parts of `changed` that the caller needs in addition to key, value and headers.
template <class Record, class PartsOf, class PlaceOf, class Keep>
std::vector<BadRecord> transform_records(const engine::TransformChain& transforms,
                                         std::vector<Record>& records, const PartsOf& parts_of,
                                         const PlaceOf& place_of, const Keep& keep) {
  std::vector<BadRecord> bad;
  std::vector<Record> kept;
  for (Record& record : records) {
    engine::ConnectRecord changed = parts_of(record);
    changed.headers = std::move(record.headers);
    engine::TransformChain::Bytes bytes{std::move(record.key), std::move(record.value)};
    const auto is_kept = transforms.apply(changed, bytes);
    if (!is_kept) {
      Error error = is_kept.error();
      error.message = fmt::format("{}: {}", place_of(record), error.message);
      bad.push_back({std::move(error), std::move(bytes.value).value_or(""), kTransformStage});
      continue;
    }
    if (!*is_kept) continue;
    keep(record, changed);
    record.headers = std::move(changed.headers);
    record.key = std::move(bytes.key);
    record.value = std::move(bytes.value);
    kept.push_back(std::move(record));
  }
  records = std::move(kept);
  return bad;
}

// Returns the topic, partition and offset of a record for messages, such as orders-0@17.
inline std::string place_of_record(const SinkRecord& record) {
  return fmt::format("{}-{}@{}", record.topic, record.partition.value(), record.offset.value());
}

// Applies the transforms of a sink (see transform_records()); null means that the sink has none.
// `Record` is SinkRecord or a type derived from it.
template <class Record, class Keep>
std::vector<BadRecord> transform_sink_records(const engine::TransformChain* transforms,
                                              std::vector<Record>& records, const Keep& keep) {
  if (transforms == nullptr || transforms->is_empty()) return {};
  return transform_records(
      *transforms, records,
      [](const SinkRecord& record) {
        return engine::ConnectRecord{.topic = record.topic,
                                     .timestamp_ms = record.timestamp_ms < 0
                                                         ? std::nullopt
                                                         : std::optional(record.timestamp_ms),
                                     .partition = record.partition.value(),
                                     .offset = record.offset.value()};
      },
      place_of_record, keep);
}

}  // namespace server
