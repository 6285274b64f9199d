CREATE TABLE site (id integer PRIMARY KEY, name text UNIQUE NOT NULL, phone text NOT NULL);
CREATE TABLE device (
    id integer PRIMARY KEY, site_id integer NOT NULL REFERENCES site, hostname text UNIQUE NOT NULL, role text NOT NULL,
    mtu integer NOT NULL, bought text
);
INSERT INTO site (name, phone) VALUES ('nyc', '555-0199'), ('par', '555-0142');
INSERT INTO device (site_id, hostname, role, mtu, bought) VALUES
    (1, 'nyc-rtr-1', 'router', 9000, '2024-03-01'), (1, 'nyc-sw-1', 'switch', 1500, NULL), (2, 'par-fw-1', 'firewall', 1500, NULL);
