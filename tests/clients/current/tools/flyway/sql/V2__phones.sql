ALTER TABLE customers ADD COLUMN phone VARCHAR(20);
CREATE INDEX orders_by_customer ON orders (customer_id);
UPDATE customers SET phone = '042-' || id;
COMMENT ON TABLE orders IS 'all orders';
