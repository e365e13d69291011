#include "engine/exec/row_generator.h"

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "engine/types/text_number.h"
#include "engine/types/text_time.h"

namespace engine {
namespace {

// Each column has its own random sequence, so that adding or changing a column does not change the values of the other
// columns.
constexpr uint64_t kColumnStride = 0x9e3779b97f4a7c15, kRowStride = 0xd1342543de82ef95;

class Chance {
 public:
  Chance(int64_t seed, size_t column)
      : seed_(Random(static_cast<uint64_t>(seed) ^ (kColumnStride * (column + 1))).next()) {}
  Random of(int64_t row) const { return Random(seed_ + kRowStride * static_cast<uint64_t>(row)); }

 private:
  uint64_t seed_;
};

// Chooses, for each row, one of the values 0 to choices - 1. If `choices` is 0, each of the 2^64
// numbers can be chosen.
class Chooser {
 public:
  Chooser(GeneratorKind kind, uint64_t choices) : kind_(kind), choices_(choices) {}

  uint64_t choose(int64_t row, Random& random) const {
    switch (kind_) {
      case GeneratorKind::Sequence:
        return choices_ == 0 ? static_cast<uint64_t>(row) : static_cast<uint64_t>(row) % choices_;
      case GeneratorKind::Zipf:
        return zipf(random.next_double());
      default:
        break;
    }
    const uint64_t chance = random.next();
    if (choices_ == 0) return chance;
    // The upper half of the product needs no division. Its error is 2^-64 times the number of choices.
    return static_cast<uint64_t>((static_cast<unsigned __int128>(chance) * choices_) >> 64);
  }

 private:
  // Returns (n + 1)^u - 1, rounded down, where n is the number of choices and u is random in [0,
  // 1). So the probability of the result k - 1 is proportional to ln(1 + 1/k), which is about 1/k.
  uint64_t zipf(double u) const {
    const double n = choices_ == 0 ? 0x1p64 : static_cast<double>(choices_);
    const double k = std::floor(std::exp(u * std::log1p(n)));
    const auto chosen = static_cast<uint64_t>(std::clamp(k - 1, 0.0, 0x1p63));
    return choices_ == 0 ? chosen : std::min(chosen, choices_ - 1);
  }

  GeneratorKind kind_;
  uint64_t choices_;
};

struct GeneratedNulls {
  int64_t per_million;
  bool is_null(Random& random) const {
    return per_million > 0 && random.next() % 1'000'000 < static_cast<uint64_t>(per_million);
  }
};

// Generates a column by choosing the values one by one. For each row it appends NULL or calls `Append`, a function that
// appends the chosen value to the column.
template <class Append>
class ChosenColumn final : public ColumnGenerator {
 public:
  ChosenColumn(Chance chance, GeneratedNulls nulls, Chooser chooser, Append append)
      : chance_(chance), nulls_(nulls), chooser_(chooser), append_(std::move(append)) {}
  void append(int64_t first, std::span<const int64_t> timestamps, Column& column) const override {
    for (size_t i = 0; i < timestamps.size(); ++i) {
      const int64_t row = first + static_cast<int64_t>(i);
      Random random = chance_.of(row);
      if (nulls_.is_null(random))
        column.append_null();
      else
        append_(chooser_.choose(row, random), random, column);
    }
  }

 private:
  const Chance chance_;
  const GeneratedNulls nulls_;
  const Chooser chooser_;
  const Append append_;
};

class NowColumn final : public ColumnGenerator {
 public:
  NowColumn(Chance chance, GeneratedNulls nulls) : chance_(chance), nulls_(nulls) {}
  void append(int64_t first, std::span<const int64_t> timestamps, Column& column) const override {
    for (size_t i = 0; i < timestamps.size(); ++i) {
      Random random = chance_.of(first + static_cast<int64_t>(i));
      if (nulls_.is_null(random)) {
        column.append_null();
        continue;
      }
      const DayTime time = split_timestamp(timestamps[i]);
      if (column.type().kind() == TypeKind::Date)
        column.append(static_cast<int32_t>(time.days));
      else if (column.type().kind() == TypeKind::Time)
        column.append(static_cast<int32_t>(time.ms_of_day));
      else
        column.append(timestamps[i]);
    }
  }

 private:
  const Chance chance_;
  const GeneratedNulls nulls_;
};

void append_number(int64_t number, Column& column) {
  switch (column.type().kind()) {
    case TypeKind::Integer:
    case TypeKind::Date:
    case TypeKind::Time:
      return column.append(static_cast<int32_t>(number));
    case TypeKind::Decimal:
      return column.append(Int128{number});
    default:
      return column.append(number);
  }
}

void append_letters(int64_t length, Random& random, Column& column) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789";
  const bool is_text = column.type().kind() == TypeKind::String;
  char* const to = column.heap().allocate(static_cast<size_t>(length));
  uint64_t chance = 0;
  for (int64_t i = 0; i < length; ++i) {
    if (i % 8 == 0) chance = random.next();
    const auto byte = static_cast<unsigned char>(chance >> (i % 8 * 8));
    to[i] = is_text ? kLetters[byte * kLetters.size() / 256] : static_cast<char>(byte);
  }
  column.append(std::string_view(to, static_cast<size_t>(length)));
}

struct Parts {
  const GeneratorRule& rule;
  const SqlType& type;
  Chance chance;
  GeneratedNulls nulls;
  Chooser chooser;

  template <class Append>
  std::unique_ptr<ColumnGenerator> chosen(Append append) const {
    return std::make_unique<ChosenColumn<Append>>(chance, nulls, chooser, std::move(append));
  }
};

Error does_not_fit() {
  return {ErrorCode::CorruptRecord, "a rule of a generator does not fit its column"};
}

std::optional<Value> parse_value(const SqlType& type, const std::string& text) {
  switch (type.kind()) {
    case TypeKind::String:
      return Value::text(text);
    case TypeKind::Boolean:
      return Value::boolean(text == "true");
    case TypeKind::Double:
      if (const auto number = parse_double(text)) return Value::number(*number);
      return std::nullopt;
    default:
      break;
  }
  const std::optional<int64_t> number = read_generated_bound(type, text);
  if (!number) return std::nullopt;
  if (type.kind() == TypeKind::Decimal) return Value::decimal(*number, type.scale());
  if (type.kind() == TypeKind::Bigint || type.kind() == TypeKind::Timestamp)
    return Value::bigint(*number);
  return Value::integer(static_cast<int32_t>(*number));
}

Result<std::unique_ptr<ColumnGenerator>> of_values(const Parts& parts) {
  auto values = std::make_shared<Column>(parts.type);
  for (const std::string& text : parts.rule.values) {
    const std::optional<Value> value = parse_value(parts.type, text);
    if (!value) return does_not_fit();
    values->append_value(*value);
  }
  return parts.chosen(
      [values](uint64_t choice, Random&, Column& column) { column.append_from(*values, choice); });
}

Result<std::unique_ptr<ColumnGenerator>> of_doubles(const Parts& parts) {
  const auto min = parse_double(parts.rule.min), max = parse_double(parts.rule.max);
  if (!min || !max) return does_not_fit();
  return parts.chosen([min = *min, max = *max](uint64_t, Random& random, Column& column) {
    const double part = random.next_double();
    column.append(min * (1 - part) + max * part);
  });
}

Result<std::unique_ptr<ColumnGenerator>> of_range(const Parts& parts) {
  const auto min = read_generated_bound(parts.type, parts.rule.min);
  const auto max = read_generated_bound(parts.type, parts.rule.max);
  if (!min || !max || *min > *max) return does_not_fit();
  const auto number = [min = *min](uint64_t choice) {
    return static_cast<int64_t>(static_cast<uint64_t>(min) + choice);
  };
  if (parts.type.kind() != TypeKind::String)
    return parts.chosen([number](uint64_t choice, Random&, Column& column) {
      append_number(number(choice), column);
    });
  return parts.chosen(
      [number, prefix = parts.rule.prefix](uint64_t choice, Random&, Column& column) {
        std::string text = prefix;
        append_bigint(text, number(choice));
        column.append_copy(text);
      });
}

Result<std::unique_ptr<ColumnGenerator>> make_column(const Parts& parts) {
  const GeneratorRule& rule = parts.rule;
  const TypeKind kind = parts.type.kind();
  if (parts.type.is_nested()) return does_not_fit();
  if (rule.kind == GeneratorKind::Now) {
    if (!parts.type.is_time_like() && kind != TypeKind::Bigint) return does_not_fit();
    return std::unique_ptr<ColumnGenerator>(std::make_unique<NowColumn>(parts.chance, parts.nulls));
  }
  if (!rule.values.empty()) return of_values(parts);
  if (rule.length > 0) {
    if (kind != TypeKind::String && kind != TypeKind::Bytes) return does_not_fit();
    return parts.chosen([length = rule.length](uint64_t, Random& random, Column& column) {
      append_letters(length, random, column);
    });
  }
  return kind == TypeKind::Double ? of_doubles(parts) : of_range(parts);
}

}  // namespace

Result<RowGenerator> RowGenerator::make(const GeneratorPlan& plan, const Schema& schema) {
  RowGenerator generator;
  generator.plan_ = plan;
  if (plan.rules.size() != schema.columns.size()) return does_not_fit();
  for (size_t i = 0; i < plan.rules.size(); ++i) {
    const GeneratorRule& rule = plan.rules[i];
    const SqlType& type = schema.columns[i].type;
    generator.types_.push_back(type);
    generator.columns_.push_back(
        TRY(make_column({rule, type, Chance(plan.seed, i), GeneratedNulls{rule.nulls_per_million},
                         Chooser(rule.kind, generated_choices(type, rule))})));
  }
  return generator;
}

int64_t RowGenerator::time_of(int64_t row, int64_t now_ms) const {
  if (!plan_.start_ms) return now_ms;
  return *plan_.start_ms + static_cast<int64_t>(Int128{row} * 1000 / plan_.rows_per_second);
}

Batch RowGenerator::rows(int64_t first, size_t count, int64_t now_ms) const {
  Batch batch;
  batch.rows = count;
  batch.present = Bitmap(count, true);
  for (size_t i = 0; i < count; ++i) {
    const int64_t row = first + static_cast<int64_t>(i);
    batch.offsets.push_back(row);
    batch.timestamps.push_back(time_of(row, now_ms));
  }
  for (size_t i = 0; i < columns_.size(); ++i) {
    auto column = std::make_shared<Column>(types_[i]);
    column->reserve(count);
    columns_[i]->append(first, batch.timestamps, *column);
    batch.columns.push_back(std::move(column));
  }
  return batch;
}

}  // namespace engine
