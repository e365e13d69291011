#include <set>

#include "records/batch.h"
#include "server/kafka/handlers/handlers.h"

namespace server::kafka {

namespace {

using Asked = ListOffsetsRequest::Topic::Partition;
using Answer = ListOffsetsResponse::Topic::Partition;

constexpr int64_t kLatest = -1, kEarliest = -2;

// So much of batches that are not compressed is searched on the loop, for one request. A few kilobytes
// of compressed ones may hold 64 MB, which take a third of a second.
constexpr size_t kMostOnLoop = size_t{256} << 10;

struct Turn {
  storage::LogReader& reader;
  ~Turn() { reader.end_turn(); }
};

// Looks for the first record of a time in one partition after the other; unpacks their batches on
// another thread, one at a time. Shared by what runs there.
class TimeSearch : public std::enable_shared_from_this<TimeSearch> {
 public:
  struct Place {
    storage::TopicPartition partition;
    int64_t timestamp;
    size_t topic_index, index;  // of the answer
    Offset from{0};             // records before it are not looked for
  };

  TimeSearch(HandlerContext& context, Reply<ListOffsetsResponse> reply)
      : reader_(context.backend.reader()),
        run_aside_(context.run_aside),
        aside_(context.aside),
        reply_(std::move(reply)) {}

  ListOffsetsResponse response;
  std::vector<Place> places;

  void go_on() {
    while (next_ < places.size())
      if (const Status looked = look(places[next_]); !looked)
        fail(kafka_error(looked.error().code));
      else if (is_aside_)
        return;
    reply_.send(response);
  }

 private:
  struct Errand {
    std::string bytes;
    storage::BatchRef batch;  // over the bytes
    Place place;
    Result<std::optional<storage::TimedOffset>> found = std::nullopt;
  };

  Answer& answer() {
    const Place& place = places[next_];
    return response.topics[place.topic_index].partitions[place.index];
  }
  void fail(KafkaError error) {
    answer().error_code = error;
    ++next_;
  }

  // At the next batch that may have the record.
  Status look(Place& place) {
    TRY(reader_.begin_turn());
    const Turn turn{reader_};
    place.from = std::max(place.from, TRY(reader_.log_start(place.partition)));
    const auto batch = TRY(reader_.batch_for_time(place.partition, place.timestamp, place.from));
    if (!batch) {  // no record is that young
      answer().offset = -1;
      ++next_;
      return {};
    }
    if (run_aside_ && !may_search_here(*batch)) return search_aside(*batch);
    take(TRY(storage::find_by_time(*batch, place.timestamp, place.from)), batch->last_offset);
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
      fail(KafkaError::RequestTimedOut);  // too much waits there already
    return {};
  }

  void come_back(const Errand& errand) {
    is_aside_ = false;
    const std::shared_ptr<AsideGate> aside = aside_;
    if (aside->on_open) {  // else the connection is gone
      if (errand.found)
        take(*errand.found, errand.batch.last_offset);
      else
        fail(kafka_error(errand.found.error().code));
      go_on();
    }
    aside->leave();
  }

  // Nothing, where the batch's header has said too much: then the search goes on behind it.
  void take(const std::optional<storage::TimedOffset>& found, Offset last_offset) {
    if (!found) {
      places[next_].from = last_offset + 1;
      return;
    }
    answer().offset = found->offset.value();
    answer().timestamp = found->timestamp;
    ++next_;
  }

  storage::LogReader& reader_;
  const RunAside* const run_aside_;
  const std::shared_ptr<AsideGate> aside_;
  const Reply<ListOffsetsResponse> reply_;
  size_t next_ = 0;  // of the places
  size_t left_on_loop_ = kMostOnLoop;
  bool is_aside_ = false;
};

Status find_by_name(storage::LogReader& reader, const storage::TopicPartition& partition,
                    const Asked& asked, Answer& answer) {
  if (asked.timestamp == kEarliest)
    answer.offset = TRY(reader.log_start(partition)).value();
  else if (asked.timestamp == kLatest)
    answer.offset = TRY(reader.readable_end(partition)).value();
  else
    return Error{ErrorCode::NotSupported, "this kind of offset is not supported yet"};
  return {};
}

}  // namespace

void handle_list_offsets(HandlerContext& context, ListOffsetsRequest request,
                         Reply<ListOffsetsResponse> reply) {
  storage::LogReader& reader = context.backend.reader();
  const auto topics = context.backend.topics();
  const Status begun = reader.begin_turn();
  const auto search = std::make_shared<TimeSearch>(context, std::move(reply));
  std::set<storage::TopicPartition> seen;
  for (const ListOffsetsRequest::Topic& topic : request.topics) {
    const storage::TopicInfo* known = topics->find(topic.name);
    ListOffsetsResponse::Topic& answers = search->response.topics.emplace_back();
    answers.name = topic.name;
    for (const Asked& asked : topic.partitions) {
      Answer& answer = answers.partitions.emplace_back();
      answer.partition_index = asked.partition_index;
      if (!known) {
        answer.error_code = KafkaError::UnknownTopicOrPartition;
        continue;
      }
      const storage::TopicPartition partition{known->id, PartitionId(asked.partition_index)};
      if (!seen.insert(partition).second) {  // as Kafka; a search by time may take long
        answer.error_code = KafkaError::InvalidRequest;
        continue;
      }
      answer.leader_epoch = 0;
      if (asked.timestamp >= 0) {
        search->places.push_back({partition, asked.timestamp, search->response.topics.size() - 1,
                                  answers.partitions.size() - 1});
        continue;
      }
      const Status found = begun ? find_by_name(reader, partition, asked, answer) : begun;
      if (!found) answer.error_code = kafka_error(found.error().code);
    }
  }
  if (begun) reader.end_turn();
  search->go_on();
}

}  // namespace server::kafka
