#include "client/bench/nexmark_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

namespace client {
namespace {

// A cycle of kEvents events consists of kPersons persons, then kAuctions auctions, then bids.
constexpr int64_t kPersons = 1, kAuctions = 3, kEvents = 50;
constexpr int64_t kFirstPerson = 1'000, kFirstAuction = 1'000, kFirstCategory = 10;
constexpr int64_t kCategories = 5, kActivePersons = 1'000, kOpenAuctions = 100;
constexpr int64_t kLead = 10;  // how far the ids in an event may be beyond the ids that exist
// One in kHotSellers auctions has a seller that is not hot. kHotAuctions and kHotBidders mean the
// same for the auction and the bidder of a bid. One in kHotGroup ids is hot.
constexpr uint64_t kHotSellers = 4, kHotAuctions = 2, kHotBidders = 4;
constexpr int64_t kHotGroup = 100;
constexpr uint64_t kChannels = 10'000;

constexpr std::string_view kStates[] = {"AZ", "CA", "ID", "OR", "WA", "WY"};
constexpr std::string_view kCities[] = {"Phoenix",  "Los Angeles", "San Francisco", "Boise",
                                        "Portland", "Bend",        "Redmond",       "Seattle",
                                        "Kent",     "Cheyenne"};
constexpr std::string_view kFirstNames[] = {"Peter", "Paul",  "Luke",  "John",   "Saul",  "Vicky",
                                            "Kate",  "Julie", "Sarah", "Deiter", "Walter"};
constexpr std::string_view kLastNames[] = {"Shultz", "Abrams", "Spencer", "White", "Bartels",
                                           "Walton", "Smith",  "Jones",   "Noris"};
constexpr std::string_view kHotChannels[] = {"Google", "Facebook", "Baidu", "Apple"};

uint64_t below(Random& random, uint64_t end) { return random.next() % end; }
template <size_t n>
std::string_view one_of(const std::string_view (&items)[n], Random& random) {
  return items[below(random, n)];
}

std::string letters(Random& random, size_t size, char last = 'z') {
  std::string text(size, ' ');
  for (char& letter : text)
    letter = static_cast<char>('a' + below(random, static_cast<uint64_t>(last - 'a') + 1));
  return text;
}

// Returns a random price from 10^2 to 10^8, whose logarithm is distributed evenly.
int64_t price(Random& random) {
  return std::llround(std::pow(10.0, random.next_double() * 6.0) * 100.0);
}

// Return the index of the last person, or of the last auction, that exists at event `number`.
int64_t last_person(int64_t number) {
  return number / kEvents * kPersons + std::min(number % kEvents, kPersons - 1);
}
int64_t last_auction(int64_t number) {
  const int64_t place = number % kEvents;
  const int64_t before = number / kEvents * kAuctions;
  if (place < kPersons) return before - 1;
  return before + std::min(place - kPersons, kAuctions - 1);
}

int64_t some_person(int64_t number, Random& random) {
  const int64_t persons = last_person(number) + 1;
  const int64_t active = std::min(persons, kActivePersons);
  return persons - active +
         static_cast<int64_t>(below(random, static_cast<uint64_t>(active + kLead)));
}
int64_t some_auction(int64_t number, Random& random) {
  const int64_t last = std::max<int64_t>(last_auction(number), 0);
  const int64_t first = std::max<int64_t>(last - kOpenAuctions, 0);
  return first +
         static_cast<int64_t>(below(random, static_cast<uint64_t>(last - first + 1 + kLead)));
}

int64_t auction_of_bid(int64_t number, Random& random) {
  const int64_t last = std::max<int64_t>(last_auction(number), 0);
  const bool is_hot = below(random, kHotAuctions) > 0;
  return kFirstAuction + (is_hot ? last / kHotGroup * kHotGroup : some_auction(number, random));
}

// Returns a number that is always the same for the same channel.
uint64_t id_of_channel(uint64_t channel) { return Random(channel).next() >> 33; }

}  // namespace

NexmarkEvent NexmarkModel::event(int64_t number) const {
  Random mixed(settings_.seed + static_cast<uint64_t>(number) * 0xd1342543de82ef95);
  Random random(mixed.next());
  const int64_t place = number % kEvents;
  if (place < kPersons)
    return {NexmarkKind::Person, kFirstPerson + last_person(number), person(number, random)};
  if (place < kPersons + kAuctions)
    return {NexmarkKind::Auction, kFirstAuction + last_auction(number), auction(number, random)};
  const int64_t auction = auction_of_bid(number, random);
  return {NexmarkKind::Bid, auction, bid(number, auction, random)};
}

std::string NexmarkModel::person(int64_t number, Random& random) const {
  const std::string_view first = one_of(kFirstNames, random), last = one_of(kLastNames, random);
  const std::string email = letters(random, 7) + "@" + letters(random, 5) + ".com";
  std::string card;
  for (int i = 0; i < 4; ++i)
    card += fmt::format("{}{:04}", i == 0 ? "" : " ", below(random, 10'000));
  const std::string_view city = one_of(kCities, random), state = one_of(kStates, random);
  return fmt::format(
      R"({{"id":{},"name":"{} {}","email":"{}","credit_card":"{}","city":"{}","state":"{}",)"
      R"("date_time":{},"extra":"{}"}})",
      kFirstPerson + last_person(number), first, last, email, card, city, state, time_ms(number),
      letters(random, 40 + below(random, 40)));
}

std::string NexmarkModel::auction(int64_t number, Random& random) const {
  const int64_t starts = price(random), reserve = starts + price(random);
  // Average duration of an auction. With it, about kOpenAuctions auctions are open at any time.
  const int64_t open_ms = std::max<int64_t>(
      1, kOpenAuctions * kEvents / kAuctions * 1'000 / settings_.events_per_second);
  const int64_t expires =
      time_ms(number) + 1 + static_cast<int64_t>(below(random, static_cast<uint64_t>(open_ms * 2)));
  const int64_t persons = last_person(number);
  const bool is_hot = below(random, kHotSellers) > 0;
  const int64_t seller =
      kFirstPerson + (is_hot ? persons / kHotGroup * kHotGroup : some_person(number, random));
  const int64_t category =
      kFirstCategory + static_cast<int64_t>(below(random, static_cast<uint64_t>(kCategories)));
  const std::string item = letters(random, 20), description = letters(random, 100);
  return fmt::format(
      R"({{"id":{},"item_name":"{}","description":"{}","initial_bid":{},"reserve":{},"date_time":{},)"
      R"("expires":{},"seller":{},"category":{},"extra":"{}"}})",
      kFirstAuction + last_auction(number), item, description, starts, reserve, time_ms(number),
      expires, seller, category, letters(random, 180 + below(random, 80)));
}

std::string NexmarkModel::bid(int64_t number, int64_t auction, Random& random) const {
  const bool is_hot = below(random, kHotBidders) > 0;
  const int64_t persons = last_person(number);
  const int64_t bidder =
      kFirstPerson + (is_hot ? persons / kHotGroup * kHotGroup + 1 : some_person(number, random));
  const int64_t offered = price(random);
  std::string channel, query = "query=1";
  if (below(random, 2) > 0) {
    channel = one_of(kHotChannels, random);
  } else {
    const uint64_t drawn = below(random, kChannels);
    channel = fmt::format("channel-{}", drawn);
    if (below(random, 10) > 0) query += fmt::format("&channel_id={}", id_of_channel(drawn));
  }
  // The path has three directories of random letters.
  const std::string url =
      fmt::format("https://www.nexmark.com/{}/{}/{}/item.htm?{}", letters(random, 3),
                  letters(random, 3), letters(random, 3), query);
  return fmt::format(
      R"({{"auction":{},"bidder":{},"price":{},"channel":"{}","url":"{}","date_time":{},"extra":"{}"}})",
      auction, bidder, offered, channel, url, time_ms(number),
      letters(random, 20 + below(random, 20)));
}

}  // namespace client
