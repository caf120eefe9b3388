export async function insure(parcel: string): Promise<string> {
  return `${parcel} insured`;
}

export async function bill(parcel: string): Promise<string> {
  return `${parcel} billed`;
}

export async function ship(parcel: string): Promise<string> {
  return `${parcel} shipped`;
}
