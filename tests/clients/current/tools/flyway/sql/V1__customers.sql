-- Two tables and their first rows, in one transaction.
CREATE TABLE customers (id SERIAL PRIMARY KEY, name VARCHAR(40) NOT NULL, city TEXT DEFAULT 'Lahore');
CREATE TABLE orders (id INT PRIMARY KEY, customer_id INT NOT NULL, amount NUMERIC(10, 2));
INSERT INTO customers (name) VALUES ('ann'), ('bob');
INSERT INTO orders VALUES (1, 1, 120.50), (2, 2, 80.00);
