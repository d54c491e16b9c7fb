-- A small shop: customers, products, orders with their lines. Says `made` where it was not there yet.
set client_min_messages = warning;

do $make$
begin
  if not exists (select from pg_roles where rolname = 'shop') then
    create role shop;
  end if;
end
$make$;

create table if not exists customers (
  id integer primary key,
  name text not null,
  city text not null,
  email text not null unique,
  since date not null
);

create table if not exists products (
  id integer primary key,
  title text not null,
  price numeric(8, 2) not null check (price > 0)
);

create table if not exists orders (
  id integer primary key,
  customer integer not null references customers,
  placed timestamptz not null,
  state text not null
);

create table if not exists order_lines (
  "order" integer not null references orders,
  product integer not null references products,
  pieces integer not null check (pieces > 0),
  primary key ("order", product)
);

create or replace view turnover as
  select date_trunc('month', placed) as month, sum(pieces * price) as sold
  from orders join order_lines on "order" = orders.id join products on product = products.id
  group by 1;

select 'made' where not exists (select from customers);

insert into customers
select
  n,
  (array['Amélie', 'Björn', 'Chidi', 'Dörte', 'Esra', 'Farid', 'Grażyna', 'Håkon', 'Ines', 'João'])[1 + n % 10]
    || ' ' || (array['Lefèvre', 'Svensson', 'Okafor', 'Müller', 'Yıldız', 'Haddad', 'Nowak', 'Dahl'])[1 + n / 10 % 8],
  (array['Lyon', 'Malmö', 'Lagos', 'Kiel', 'İzmir', 'Rabat', 'Gdańsk', 'Bergen', 'Porto'])[1 + n * 7 % 9],
  'customer' || n || '@example.net',
  date '2021-01-04' + (n * 13 % 1500)
from generate_series(1, 240) as n
where not exists (select from customers);

insert into products
select
  n,
  (array['Kettle', 'Lamp', 'Rucksack', 'Bicycle bell', 'Notebook', 'Thermos flask', 'Umbrella', 'Whisk'])[1 + n % 8]
    || ' No. ' || n,
  4.90 + n * 37 % 190
from generate_series(1, 60) as n
where not exists (select from products);

insert into orders
select
  n,
  1 + n * 31 % 240,
  timestamptz '2024-02-01 08:00+00' + n * interval '5 hours 17 minutes',
  (array['placed', 'paid', 'sent', 'sent', 'sent', 'returned'])[1 + n % 6]
from generate_series(1, 1800) as n
where not exists (select from orders);

insert into order_lines
select n, 1 + (n * 11 + line * 17) % 60, 1 + (n + line) % 4
from generate_series(1, 1800) as n, generate_series(1, 2) as line
where not exists (select from order_lines);
