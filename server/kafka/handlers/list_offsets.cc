#include <set>
#include <utility>

#include "records/batch.h"
#include "server/kafka/confirmed_answers.h"
#include "server/kafka/handlers/handlers.h"
#include "server/kafka/leader_epochs.h"
#include "server/kafka/leaders.h"

namespace server::kafka {

namespace {

using ListOffsetsAsked = ListOffsetsRequest::Topic::Partition;
using ListOffsetsAnswer = ListOffsetsResponse::Topic::Partition;

constexpr int64_t kLatest = -1, kEarliest = -2, kMaxTimestamp = -3, kEarliestLocal = -4,
                  kLatestTiered = -5;

// Returns whether a request of this version may use the timestamp. The special timestamps -4 and -5
// are for logs with tiered storage (KIP-405), which this server does not have.
bool is_known(int64_t timestamp, int16_t version) {
  if (timestamp >= kEarliest) return true;
  if (timestamp == kMaxTimestamp) return version >= 7;  // KIP-734 added this timestamp
  if (timestamp == kEarliestLocal) return version >= 8;
  return timestamp == kLatestTiered && version >= 9;
}

// Limit for uncompressed batches that one request searches on the loop. Compressed batches are
// searched on another thread, because a few kilobytes may expand to 64 MB, whose search takes a
// third of a second.
constexpr size_t kMostOnLoop = size_t{256} << 10;

struct ReaderTurn {
  storage::LogReader& reader;
  ~ReaderTurn() { reader.end_turn(); }
};

// Finds the first record at a timestamp, one partition after the other. Compressed or large batches
// are searched on another thread, one at a time. Shared with the work on that thread.
class TimeSearch : public std::enable_shared_from_this<TimeSearch> {
 public:
  struct Place {
    storage::TopicPartition partition;
    int64_t timestamp;
    size_t topic_index, index;  // where the answer has this partition
    Offset end{INT64_MAX};      // records from this offset on must not be read yet
    Offset from{0};             // records before this offset are skipped
  };

  TimeSearch(HandlerContext& context, Reply<ListOffsetsResponse> reply)
      : backend_(context.backend),
        reader_(context.backend.reader()),
        run_aside_(context.run_aside),
        aside_(context.aside),
        reply_(std::move(reply)) {}

  ListOffsetsResponse response;
  std::vector<Place> places;
  // The answers that are valid only while this node leads the partitions.
  std::vector<ToConfirm> told;

  void go_on() {
    while (next_ < places.size())
      if (const Status looked = look(places[next_]); !looked)
        fail(kafka_error(looked.error().code));
      else if (is_aside_)
        return;
    std::erase_if(told, [this](const ToConfirm& each) {
      return answer_of(each).error_code != KafkaError::None;
    });
    // The leadership is confirmed before the answers are sent: a leader that was frozen or cut off
    // may have been replaced, and then lacks records that the new leader has acknowledged.
    send_confirmed(backend_, aside_, reply_,
                   std::shared_ptr<ListOffsetsResponse>(shared_from_this(), &response),
                   std::move(told), [](int32_t partition) {
                     return ListOffsetsAnswer{.partition_index = partition,
                                              .error_code = KafkaError::NotLeaderOrFollower};
                   });
  }

 private:
  template <class At>
  ListOffsetsAnswer& answer_of(const At& place) {
    return response.topics[place.topic_index].partitions[place.index];
  }
  struct Errand {
    std::string bytes;
    storage::BatchRef batch;  // a view of `bytes`
    Place place;
    Result<std::optional<storage::TimedOffset>> found = std::nullopt;
  };

  ListOffsetsAnswer& answer() { return answer_of(places[next_]); }
  void fail(KafkaError error) {
    answer().error_code = error;
    ++next_;
  }
  void answer_none() {
    answer().offset = -1;
    ++next_;
  }

  // Searches the next batch that may contain the first record at the timestamp of `place`.
  Status look(Place& place) {
    TRY(reader_.begin_turn());
    const ReaderTurn turn{reader_};
    place.from = std::max(place.from, TRY(reader_.log_start(place.partition)));
    const auto batch = TRY(reader_.batch_for_time(place.partition, place.timestamp, place.from));
    if (!batch || batch->base_offset >= place.end) {  // no record has this time or a later one
      answer_none();
      return {};
    }
    if (run_aside_ && !may_search_here(*batch)) return search_aside(*batch);
    take(TRY(storage::find_by_time(*batch, place.timestamp, place.from)), *batch);
    return {};
  }

  bool may_search_here(const storage::BatchRef& ref) {
    const auto batch = records::parse_batch(ref.bytes, records::BatchCheck::Shape);
    if (!batch || batch->header.codec() != records::Codec::None) return false;
    if (ref.bytes.size() > left_on_loop_) return false;
    left_on_loop_ -= ref.bytes.size();
    return true;
  }

  Status search_aside(const storage::BatchRef& batch) {
    auto errand = std::make_shared<Errand>(Errand{std::string(batch.bytes), batch, places[next_]});
    errand->batch.bytes = errand->bytes;
    const auto work = [errand] {
      errand->found =
          storage::find_by_time(errand->batch, errand->place.timestamp, errand->place.from);
    };
    const auto then = [errand, self = shared_from_this()] { self->come_back(*errand); };
    is_aside_ = (*run_aside_)(errand->bytes.size(), work, then);
    if (is_aside_)
      ++aside_->under_way;
    else
      fail(KafkaError::RequestTimedOut);  // the queue of the workers is full
    return {};
  }

  void come_back(const Errand& errand) {
    is_aside_ = false;
    const std::shared_ptr<AsideGate> aside = aside_;
    if (aside->on_open) {  // otherwise the connection is gone
      if (errand.found)
        take(*errand.found, errand.batch);
      else
        fail(kafka_error(errand.found.error().code));
      go_on();
    }
    aside->leave();
  }

  // Takes the result of the search in a batch. `found` is empty if the batch's maxTimestamp is
  // larger than the timestamp of each of its records. Then the search continues after this batch.
  void take(const std::optional<storage::TimedOffset>& found, const storage::BatchRef& batch) {
    if (!found) {
      places[next_].from = batch.last_offset + 1;
      return;
    }
    if (found->offset >= places[next_].end) return answer_none();
    answer().offset = found->offset.value();
    answer().timestamp = found->timestamp;
    answer().leader_epoch = records::leader_epoch_of(batch.bytes.data()).value();
    ++next_;
  }

  Backend& backend_;
  storage::LogReader& reader_;
  const RunAside* const run_aside_;
  const std::shared_ptr<AsideGate> aside_;
  const Reply<ListOffsetsResponse> reply_;
  size_t next_ = 0;  // index of the next place in `places`
  size_t left_on_loop_ = kMostOnLoop;
  bool is_aside_ = false;
};

// Returns whether all records that existed when the leader's epoch began are visible. Until they
// are, this leader shows fewer records than the previous leader did, so the latest offset would
// move backwards (KIP-207).
Result<bool> has_all_of_before(storage::LogReader& reader,
                               const storage::TopicPartition& partition) {
  const LeaderEpoch epoch = TRY(reader.leader_epoch(partition));
  if (epoch <= LeaderEpoch{0}) return true;
  const storage::EpochEnd before =
      TRY(reader.end_of_epoch(partition, LeaderEpoch{epoch.value() - 1}));
  return TRY(reader.readable_end(partition)) >= before.end;
}

// Answers a special timestamp and returns nullopt, or returns an actual timestamp for which the
// caller must search.
Result<std::optional<int64_t>> find_by_name(storage::LogReader& reader,
                                            const storage::TopicPartition& partition,
                                            const ListOffsetsAsked& asked, bool reads_committed,
                                            ListOffsetsAnswer& answer) {
  answer.error_code = TRY(check_leader_epoch(reader, partition, asked.current_leader_epoch));
  if (answer.error_code != KafkaError::None) return std::nullopt;
  switch (asked.timestamp) {
    case kEarliest:
    case kEarliestLocal:
      answer.leader_epoch = TRY(reader.first_leader_epoch(partition)).value();
      answer.offset = TRY(reader.log_start(partition)).value();
      return std::nullopt;
    case kLatest:
      answer.offset = TRY(reads_committed ? reader.last_stable_offset(partition)
                                          : reader.readable_end(partition))
                          .value();
      answer.leader_epoch = TRY(reader.leader_epoch(partition)).value();
      return std::nullopt;
    case kMaxTimestamp:
      return reader.max_timestamp(partition);
    case kLatestTiered:
      TRY(reader.leader_epoch(partition));  // fails if the partition does not exist
      return std::nullopt;
    default:
      TRY(reader.leader_epoch(partition));
      return asked.timestamp;
  }
}

using Name = std::pair<std::string_view, int32_t>;

// Returns the partitions that the request names more than once.
std::set<Name> doubled(const ListOffsetsRequest& request) {
  std::set<Name> seen, twice;
  for (const ListOffsetsRequest::Topic& topic : request.topics)
    for (const ListOffsetsAsked& asked : topic.partitions)
      if (const Name name{topic.name, asked.partition_index}; !seen.insert(name).second)
        twice.insert(name);
  return twice;
}

// Answers the partitions that need no search, such as the earliest and latest offsets. The other partitions are passed
// to TimeSearch, which reads batches.
class ListOffsetsAnswering {
 public:
  ListOffsetsAnswering(HandlerContext& context, TimeSearch& search, int16_t version)
      : reader_(context.backend.reader()),
        topics_(context.backend.topics()),
        leaders_(context.backend),
        leads_all_(context.backend.leads_all()),
        search_(search),
        version_(version),
        begun_(reader_.begin_turn()) {}
  ~ListOffsetsAnswering() {
    if (begun_) reader_.end_turn();
  }

  void answer(const ListOffsetsRequest& request) {
    // As in Kafka, a repeated partition is answered once, with an error: a search by time may take
    // long.
    std::set<Name> twice = doubled(request), told;
    reads_committed_ = request.isolation_level == 1;
    for (const ListOffsetsRequest::Topic& topic : request.topics) {
      search_.response.topics.emplace_back().name = topic.name;
      for (const ListOffsetsAsked& asked : topic.partitions) {
        const Name name{topic.name, asked.partition_index};
        if (!twice.contains(name))
          add(topics_->find(topic.name), asked);
        else if (told.insert(name).second)
          add_answer(asked).error_code = KafkaError::InvalidRequest;
      }
    }
  }

 private:
  ListOffsetsAnswer& add_answer(const ListOffsetsAsked& asked) {
    ListOffsetsAnswer& answer = search_.response.topics.back().partitions.emplace_back();
    answer.partition_index = asked.partition_index;
    return answer;
  }

  void add(const storage::TopicInfo* topic, const ListOffsetsAsked& asked) {
    ListOffsetsAnswer& answer = add_answer(asked);
    if (!is_known(asked.timestamp, version_)) {
      answer.error_code = kUnsupportedVersion;
      return;
    }
    if (!topic) {
      answer.error_code = KafkaError::UnknownTopicOrPartition;
      return;
    }
    const storage::TopicPartition partition{topic->id, PartitionId(asked.partition_index)};
    const bool is_there =
        asked.partition_index >= 0 && asked.partition_index < topic->partition_count;
    if (const Leaders::Answer who = leaders_.of(partition);
        is_there && who.error != KafkaError::None) {
      answer.error_code = who.error;
      return;
    }
    const auto time = begun_ ? find(partition, asked, answer) : begun_.error();
    const size_t topic_index = search_.response.topics.size() - 1;
    const size_t index = search_.response.topics.back().partitions.size() - 1;
    if (!time)
      answer.error_code = kafka_error(time.error().code);
    else if (!*time)
      ;  // the partition is answered already
    else if (const auto end = search_end(partition); !end)
      answer.error_code = kafka_error(end.error().code);
    else
      search_.places.push_back({partition, **time, topic_index, index, *end});
    // No confirmation is needed for the start of a log, because the start only moves forward: an outdated answer
    // does no harm.
    if (asked.timestamp != kEarliest && asked.timestamp != kEarliestLocal)
      search_.told.push_back({partition, topic_index, index});
  }

  // Returns the offset at which a search ends. For a consumer of committed records this is the last stable offset.
  // As in Kafka, no search by time (including MAX_TIMESTAMP) returns an offset after the last stable offset,
  // because the consumer would then seek to records that it may not read (KIP-98).
  Result<Offset> search_end(const storage::TopicPartition& partition) {
    if (!reads_committed_) return Offset{INT64_MAX};
    return reader_.last_stable_offset(partition);
  }

  Result<std::optional<int64_t>> find(const storage::TopicPartition& partition,
                                      const ListOffsetsAsked& asked, ListOffsetsAnswer& answer) {
    if (!leads_all_ && asked.timestamp == kLatest && !TRY(has_all_of_before(reader_, partition))) {
      answer.error_code = version_ >= 5 ? kOffsetNotAvailable : kLeaderNotAvailable;
      return std::nullopt;
    }
    return find_by_name(reader_, partition, asked, reads_committed_, answer);
  }

  storage::LogReader& reader_;
  const std::shared_ptr<const storage::TopicSnapshot> topics_;
  const Leaders leaders_;
  const bool leads_all_;
  TimeSearch& search_;
  const int16_t version_;
  const Status begun_;
  bool reads_committed_ = false;
};

}  // namespace

void handle_list_offsets(HandlerContext& context, ListOffsetsRequest request,
                         Reply<ListOffsetsResponse> reply) {
  const int16_t version = reply.version();
  const auto search = std::make_shared<TimeSearch>(context, std::move(reply));
  ListOffsetsAnswering(context, *search, version).answer(request);
  search->go_on();
}

}  // namespace server::kafka
