#include "engine/types/row_codec.h"

#include "base/random.h"

namespace engine {
namespace {

SqlType random_type(Random& random, int depth) {
  static const SqlType kScalars[] = {TypeKind::Boolean,  TypeKind::Integer,       TypeKind::Bigint,
                                     TypeKind::Double,   SqlType::decimal(30, 6), TypeKind::String,
                                     TypeKind::Bytes,    TypeKind::Date,          TypeKind::Time,
                                     TypeKind::Timestamp};
  const uint64_t choice = random.next() % (depth == 0 ? 10 : 14);
  if (choice < 10) return kScalars[choice];
  if (choice < 12) return SqlType::array(random_type(random, depth - 1));
  if (choice == 12) return SqlType::map(TypeKind::String, random_type(random, depth - 1));
  std::vector<Field> fields;
  for (uint64_t i = 0; i <= random.next() % 10; ++i)
    fields.push_back({"F" + std::to_string(i), random_type(random, depth - 1)});
  return SqlType::structure(std::move(fields));
}

Value random_value(Random& random, const SqlType& type) {
  if (random.next() % 6 == 0) return {};
  const uint64_t bits = random.next() >> (random.next() % 64);  // small and large ones
  const size_t count = random.next() % 4;
  switch (type.kind()) {
    case TypeKind::Boolean:
      return Value::boolean(bits % 2 == 0);
    case TypeKind::Integer:
    case TypeKind::Date:
    case TypeKind::Time:
      return Value::integer(static_cast<int32_t>(bits));
    case TypeKind::Bigint:
    case TypeKind::Timestamp:
      return Value::bigint(static_cast<int64_t>(bits));
    case TypeKind::Double:
      return Value::number(static_cast<double>(bits) / -7);
    case TypeKind::Decimal:
      return Value::decimal(static_cast<Int128>(bits) * -3, type.scale());
    case TypeKind::Array: {
      ValueList items;
      while (items.size() < count) items.push_back(random_value(random, type.element()));
      return Value::list(std::move(items));
    }
    case TypeKind::Map: {
      ValueMap entries;
      while (entries.size() < count)
        entries.emplace_back(Value::text("key " + std::to_string(entries.size())),
                             random_value(random, type.value()));
      return Value::map(std::move(entries));
    }
    case TypeKind::Struct: {
      ValueList fields;
      for (const Field& field : type.fields()) fields.push_back(random_value(random, field.type));
      return Value::list(std::move(fields));
    }
    default:
      return Value::text(std::string(count * 30, static_cast<char>(bits)));
  }
}

struct Row {
  std::vector<SqlType> types;
  ValueList values;
};

Row random_row(uint64_t seed) {
  Random random(seed);
  Row row;
  for (uint64_t left = random.next() % 12; left > 0; --left) {
    row.types.push_back(random_type(random, 3));
    row.values.push_back(random_value(random, row.types.back()));
  }
  return row;
}

std::string encoded(const Row& row) {
  std::vector<Column> columns;
  std::vector<const Column*> pointers;
  for (size_t i = 0; i < row.types.size(); ++i)
    columns.emplace_back(row.types[i]).append_value(row.values[i]);
  for (const Column& column : columns) pointers.push_back(&column);
  std::string bytes;
  encode_row(pointers, 0, bytes);
  return bytes;
}

Result<ValueList> decoded(const std::vector<SqlType>& types, std::string_view bytes,
                          RowStrings strings) {
  std::vector<Column> columns;
  std::vector<Column*> pointers;
  for (const SqlType& type : types) columns.emplace_back(type);
  for (Column& column : columns) pointers.push_back(&column);
  TRY(decode_row(bytes, pointers, strings));
  ValueList values;
  for (const Column& column : columns) {
    EXPECT_EQ(column.size(), 1u);
    values.push_back(column.value_at(0));
  }
  return values;
}

TEST(RowCodec, rows_of_all_types_come_back) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    const Row row = random_row(seed);
    const std::string bytes = encoded(row);
    for (const RowStrings strings : {RowStrings::Copy, RowStrings::View}) {
      const Result<ValueList> back = decoded(row.types, bytes, strings);
      ASSERT_TRUE(back) << "seed " << seed << ": " << back.error().message;
      EXPECT_EQ(*back, row.values) << "seed " << seed;
    }
  }
}

TEST(RowCodec, a_row_that_is_cut_or_too_long_is_refused) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    const Row row = random_row(seed);
    const std::string bytes = encoded(row);
    for (size_t size = 0; size < bytes.size(); ++size) {
      const auto cut =
          decoded(row.types, std::string_view(bytes).substr(0, size), RowStrings::View);
      ASSERT_FALSE(cut) << "seed " << seed << ", " << size << " of " << bytes.size();
      EXPECT_EQ(cut.error().code, ErrorCode::CorruptRecord);
    }
    EXPECT_FALSE(decoded(row.types, bytes + '\0', RowStrings::View)) << "seed " << seed;
  }
}

// Any outcome but a crash, or memory that the bytes do not pay for.
TEST(RowCodec, damaged_bytes_do_no_harm) {
  Random random(7);
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    const Row row = random_row(seed);
    std::string bytes = encoded(row);
    for (int round = 0; round < 20 && !bytes.empty(); ++round) {
      bytes[random.next() % bytes.size()] = static_cast<char>(random.next());
      (void)decoded(row.types, bytes, RowStrings::Copy);
    }
  }
}

}  // namespace
}  // namespace engine
